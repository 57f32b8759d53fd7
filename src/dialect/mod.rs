//! The formats of the existing back ends, one file each: how they read a change, show a record and report a refusal.
//!
//! May import `domain`, and the crates serde and serde_json. A dialect knows nothing about the other dialects, the
//! database, or HTTP beyond statuses, forms and the framework's conventions. It never learns the cause of a server-side
//! failure.

// With this lint, a new `Refusal` or `Rule` variant does not compile until every dialect has a message for it.
#![deny(clippy::wildcard_enum_match_arm)]

pub mod django;
pub mod falcon;
mod form;
mod object;
pub mod personas;
pub mod problem;
pub mod seam;
mod spanish;

pub use form::Part;
pub use object::{Object, Value};

use crate::domain::{BackEnd, Field, InvalidField, PathId, Record, Refusal, Rule, Text};

/// One endpoint of a dialect: how it reads requests and renders responses. The endpoints of a back end share a `name`.
/// The functions are total: none of them panics, whatever the input.
pub struct Dialect<R: Record> {
    /// The dialect's name in the settings.
    pub name: &'static str,
    /// The back end whose IDs the paths and records contain; `None` if the records have their own IDs (contract I3).
    pub back_end: Option<BackEnd>,
    /// Parses the ID in the path; `None` if the path has no ID. Dialects differ in how they refuse anything that is not
    /// an ID.
    pub target: Option<ParseId>,
    /// The framework of the original back end.
    pub framework: Framework,
    /// The forms that the endpoint accepts.
    pub forms: Forms,
    /// Turns a body into the change that it requests.
    pub read: fn(Object<'_>) -> Result<R::Change, Refusal>,
    /// Turns a record into a response body.
    pub show: fn(&R) -> String,
    /// Turns a refusal into a status and a body.
    pub refuse: fn(&Refusal) -> Answer,
    /// Returns the body for a server-side failure with this status.
    pub fail: fn(u16) -> Answer,
}

/// The framework of an original back end. Clients depend on how it matches paths, and on the content type that it uses
/// for JSON (contract R8, R10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framework {
    /// Express, or NestJS on top of it.
    Express,
    /// Django.
    Django,
}

/// The forms that an endpoint accepts, and how it reads them.
pub struct Forms {
    /// The part of `multipart/form-data` that contains a picture; `None` if such forms are not accepted.
    pub file: Option<&'static str>,
    /// Whether `application/x-www-form-urlencoded` is accepted.
    pub urlencoded: bool,
    /// Whether to read forms as Django does (contract D9): the last part with a given name wins, and a file input in
    /// which no file was chosen is ignored. Otherwise, a duplicate name is refused, and such an input counts as an
    /// empty file.
    pub django_semantics: bool,
}

impl Forms {
    /// The value for an endpoint that accepts no forms.
    pub const NONE: Self = Self { file: None, urlencoded: false, django_semantics: false };
}

/// A function that parses the ID in a path.
pub type ParseId = fn(&str) -> Result<PathId, Refusal>;

/// A status and a JSON body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, as JSON.
    pub body: String,
}

impl Answer {
    fn new(status: u16, body: &impl serde::Serialize) -> Self {
        Self { status, body: object::write(body) }
    }
}

/// Reads the fields of a body one by one and collects violations, so that a client gets all of them in one response.
struct Fields<'a> {
    object: Object<'a>,
    violations: Vec<InvalidField>,
}

impl<'a> Fields<'a> {
    fn new(object: Object<'a>) -> Self {
        Self { object, violations: Vec::new() }
    }

    /// Reads a field that may not be null.
    fn value<T>(&mut self, name: &'static str, parse: impl FnOnce(&Value<'a>) -> Result<T, Rule>) -> Option<T> {
        let value = self.object.get(name)?;
        let read = if matches!(value, Value::Null) { Err(Rule::NotNull) } else { parse(value) };
        self.check(name, read)
    }

    /// Reads a field that is cleared by null (contract R4).
    fn clearable(&mut self, name: &'static str, parse: impl FnOnce(&Value<'a>) -> Result<Text, Rule>) -> Field<Text> {
        match self.object.get(name) {
            None => Field::Keep,
            Some(Value::Null) => Field::Clear,
            Some(value) => {
                let read = parse(value);
                self.check(name, read).map_or(Field::Keep, Field::Set)
            }
        }
    }

    /// Returns the value of a field, or records the rule that the field breaks.
    fn check<T>(&mut self, name: &str, read: Result<T, Rule>) -> Option<T> {
        read.map_err(|rule| self.violations.push(InvalidField::new(name, rule))).ok()
    }

    /// Returns the change, unless a field breaks a rule.
    fn finish<C>(self, change: C) -> Result<C, Refusal> {
        if self.violations.is_empty() { Ok(change) } else { Err(Refusal::Invalid(self.violations)) }
    }
}

/// Parses a text with a rule of [`crate::domain::text`]. Any other type breaks [`Rule::Text`].
fn text<T>(value: &Value<'_>, parse: impl FnOnce(&str) -> Result<T, Rule>) -> Result<T, Rule> {
    match value {
        Value::Text(text) => parse(text),
        Value::File(_) | Value::Null | Value::Bool | Value::Number(_) | Value::List | Value::Object => Err(Rule::Text),
    }
}
