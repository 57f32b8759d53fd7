//! The four ways in which the existing back ends spell a change, a record and a refusal: one file each.
//!
//! May import `domain`; may name serde and serde_json. A dialect knows nothing of the other dialects, of HTTP beyond
//! a status, of the database, or of what went wrong on our side: it is never told a fault's cause.

pub mod django;
pub mod falcon;
mod object;
pub mod personas;
pub mod problem;
pub mod seam;
mod spanish;

pub use object::{Json, Object};

use crate::domain::{Field, InvalidField, PathId, Record, Refusal, Rule, Text};

/// How one endpoint reads and answers. The functions are total: whatever a client sends, they return.
pub struct Dialect<R: Record> {
    /// An id in the path to what it names; what is no id at all is refused in the dialect's way.
    pub target: fn(&str) -> Result<PathId, Refusal>,
    /// A body to the change that it asks for.
    pub read: fn(&Object) -> Result<R::Change, Refusal>,
    /// A record to the body that shows it.
    pub show: fn(&R) -> String,
    /// A refusal to its status and body.
    pub refuse: fn(&Refusal) -> Answer,
    /// What is said when something failed on our side.
    pub fail: fn() -> Answer,
}

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
    object: &'a Object<'a>,
    faults: Vec<InvalidField>,
}

impl<'a> Fields<'a> {
    fn of(object: &'a Object<'a>) -> Self {
        Self { object, faults: Vec::new() }
    }

    /// A field that may not be null.
    fn value<T>(&mut self, name: &'static str, parse: impl FnOnce(&Json<'a>) -> Result<T, Rule>) -> Option<T> {
        match self.object.get(name)? {
            Json::Null => self.fault(name, Rule::NotNull),
            value => parse(value).map_or_else(|rule| self.fault(name, rule), Some),
        }
    }

    /// A field that null clears (contract R4).
    fn clearable(&mut self, name: &'static str, parse: impl FnOnce(&Json<'a>) -> Result<Text, Rule>) -> Field<Text> {
        match self.object.get(name) {
            None => Field::Keep,
            Some(Json::Null) => Field::Clear,
            Some(value) => match parse(value) {
                Ok(text) => Field::Set(text),
                Err(rule) => {
                    self.faults.push(InvalidField::new(name, rule));
                    Field::Keep
                }
            },
        }
    }

    fn fault<T>(&mut self, name: &str, rule: Rule) -> Option<T> {
        self.faults.push(InvalidField::new(name, rule));
        None
    }

    /// The change, unless a field of it was faulty.
    fn finish<C>(self, change: C) -> Result<C, Refusal> {
        if self.faults.is_empty() { Ok(change) } else { Err(Refusal::Invalid(self.faults)) }
    }
}

/// The text of a JSON string, parsed by a rule of [`crate::domain::text`].
fn text<T>(value: &Json<'_>, parse: impl FnOnce(&str) -> Result<T, Rule>) -> Result<T, Rule> {
    match value {
        Json::Text(text) => parse(text),
        Json::Null | Json::Bool | Json::Number(_) | Json::List | Json::Object => Err(Rule::Text),
    }
}
