//! How the existing back ends spell a change, a record and a refusal: one file each.
//!
//! May import `domain`; may name serde and serde_json. A dialect knows nothing of the other dialects, of HTTP beyond
//! a status, of the database, or of what went wrong on our side: it is never told a fault's cause.

// A new refusal or rule does not compile until every dialect has words for it.
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

/// How one endpoint reads and answers. The functions are total: whatever a client sends, they return.
pub struct Dialect<R: Record> {
    /// Its name in the settings.
    pub name: &'static str,
    /// Whose numbers its paths and records hold; `None` where the records have ids of their own (contract I3).
    pub back_end: Option<BackEnd>,
    /// An id in the path to what it names; what is not an id at all is refused in the dialect's way. `None` where the
    /// path has no id.
    pub target: Option<ParseId>,
    /// What the original is built with.
    pub framework: Framework,
    /// Which forms it takes.
    pub forms: Forms,
    /// A body to the change that it asks for.
    pub read: fn(Object<'_>) -> Result<R::Change, Refusal>,
    /// A record to the body that shows it.
    pub show: fn(&R) -> String,
    /// A refusal to its status and body.
    pub refuse: fn(&Refusal) -> Answer,
    /// What is said when something failed on our side, with this status.
    pub fail: fn(u16) -> Answer,
}

/// What an original is built with. Clients depend on how that matches paths, and on what it calls JSON (contract R8,
/// R10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framework {
    /// Express, or NestJS on top of it.
    Express,
    /// Django.
    Django,
}

/// Which forms an endpoint takes, and how it reads them.
pub struct Forms {
    /// The part of `multipart/form-data` that holds a picture; `None` where no such form is taken.
    pub file: Option<&'static str>,
    /// Whether `application/x-www-form-urlencoded` is taken.
    pub urlencoded: bool,
    /// Whether the last part of a name counts, and a file input that was left alone does not, as in Django (contract
    /// D9). Otherwise, a name that is there twice is refused, and such an input is an empty file.
    pub last_counts: bool,
}

impl Forms {
    /// For an endpoint that takes no forms.
    pub const NONE: Self = Self { file: None, urlencoded: false, last_counts: false };
}

/// Parses an id in a path.
pub type ParseId = fn(&str) -> Result<PathId, Refusal>;

/// A status and a JSON body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// JSON.
    pub body: String,
}

impl Answer {
    fn new(status: u16, body: &impl serde::Serialize) -> Self {
        Self { status, body: object::write(body) }
    }
}

/// Reads the fields of a body one by one and gathers every fault, so that a client learns of all at once.
struct Fields<'a> {
    object: Object<'a>,
    faults: Vec<InvalidField>,
}

impl<'a> Fields<'a> {
    fn of(object: Object<'a>) -> Self {
        Self { object, faults: Vec::new() }
    }

    /// A field that may not be null.
    fn value<T>(&mut self, name: &'static str, parse: impl FnOnce(&Value<'a>) -> Result<T, Rule>) -> Option<T> {
        let value = self.object.get(name)?;
        let read = if matches!(value, Value::Null) { Err(Rule::NotNull) } else { parse(value) };
        self.check(name, read)
    }

    /// A field that null clears (contract R4).
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

    /// What was read of a field; where it broke a rule, that is noted.
    fn check<T>(&mut self, name: &str, read: Result<T, Rule>) -> Option<T> {
        read.map_err(|rule| self.faults.push(InvalidField::new(name, rule))).ok()
    }

    /// The change, unless a field of it was faulty.
    fn finish<C>(self, change: C) -> Result<C, Refusal> {
        if self.faults.is_empty() { Ok(change) } else { Err(Refusal::Invalid(self.faults)) }
    }
}

/// A text, parsed by a rule of [`crate::domain::text`].
fn text<T>(value: &Value<'_>, parse: impl FnOnce(&str) -> Result<T, Rule>) -> Result<T, Rule> {
    match value {
        Value::Text(text) => parse(text),
        Value::File(_) | Value::Null | Value::Bool | Value::Number(_) | Value::List | Value::Object => Err(Rule::Text),
    }
}
