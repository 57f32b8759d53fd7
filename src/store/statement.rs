//! Statements and their parameters.

use crate::domain::{Access, BackEnd, Field, Target, Text};
use serde::{Serialize, Serializer};
use std::fmt;

/// A statement and its parameters.
#[derive(Clone, PartialEq, Eq)]
pub struct Statement {
    /// Static SQL with numbered parameters. It starts with a comment that contains the statement's name.
    pub sql: &'static str,
    /// The values of `?1`, `?2`, …; `None` is NULL. Statements about a record take two, both as JSON: the [`Access`],
    /// and either the [`Fields`] or an [`Entry`](super::changes::Entry) with the fields' names.
    pub parameters: Vec<Option<String>>,
}

/// Redacts the parameters, because they can contain personal data or a hash.
impl fmt::Debug for Statement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} [parameters redacted]", self.sql)
    }
}

impl Statement {
    /// Creates a statement about a record, with its two parameters.
    pub fn on_record(sql: &'static str, access: &Access, change: &impl Serialize) -> Self {
        Self { sql, parameters: vec![json(&AccessJson::new(access)), json(change)] }
    }
}

/// Serializes a parameter. This does not fail for the plain structures used here. If it did, SQLite would reject the
/// empty text as JSON.
pub fn json(value: &(impl Serialize + ?Sized)) -> Option<String> {
    Some(serde_json::to_string(value).unwrap_or_default())
}

/// The [`Access`] in the form that the statements read.
#[derive(Serialize)]
struct AccessJson {
    /// The back end that `subject` is an ID in; null if it is an account's own ID. This is not the token's `iss`.
    issuer: Option<&'static str>,
    /// The subject of the token.
    subject: i64,
    /// When the token was issued, in Unix seconds; null if the token does not say.
    issued_at: Option<i64>,
    /// The permission that the caller needs; null if callers may only change their own record.
    permission: Option<&'static str>,
    /// The back end that `id` is an ID in; null for records with their own IDs.
    back_end: Option<&'static str>,
    /// The ID in the path; null for the caller's own record.
    id: Option<i64>,
}

impl AccessJson {
    fn new(access: &Access) -> Self {
        let subject = access.actor.subject();
        Self {
            issuer: subject.back_end().map(BackEnd::name),
            subject: subject.id().get(),
            issued_at: access.actor.issued_at(),
            permission: access.permission,
            back_end: access.back_end.map(BackEnd::name),
            id: match &access.target {
                Target::Own => None,
                Target::Named(id) => Some(id.get()),
            },
        }
    }
}

/// The fields to change, as JSON. A field that keeps its value is omitted, and a field that is cleared is null.
#[derive(Default)]
pub struct Fields<'a>(Vec<(&'static str, FieldValue<'a>)>);

#[derive(Serialize)]
#[serde(untagged)]
enum FieldValue<'a> {
    Null,
    Number(i64),
    Text(&'a str),
}

impl<'a> Fields<'a> {
    /// Adds a text field, unless it is `None` and keeps its value.
    pub fn text(&mut self, name: &'static str, text: Option<&'a str>) {
        self.0.extend(text.map(|text| (name, FieldValue::Text(text))));
    }

    /// Adds a numeric field, unless it is `None` and keeps its value.
    pub fn number(&mut self, name: &'static str, number: Option<i64>) {
        self.0.extend(number.map(|number| (name, FieldValue::Number(number))));
    }

    /// Adds a text field that may be cleared.
    pub fn clearable(&mut self, name: &'static str, field: &'a Field<Text>) {
        match field {
            Field::Keep => {}
            Field::Set(text) => self.text(name, Some(text.as_str())),
            Field::Clear => self.0.push((name, FieldValue::Null)),
        }
    }

    /// Returns the names of the columns that are set. `object` is not one of them: it is the key of an uploaded picture
    /// in the bucket, which another field refers to.
    pub fn columns(&self) -> Vec<&'static str> {
        self.0.iter().map(|(name, _)| *name).filter(|name| *name != "object").collect()
    }

    /// Returns whether `names` contains every field.
    pub fn are_among(&self, names: &[&str]) -> bool {
        self.0.iter().all(|(name, _)| names.contains(name))
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
