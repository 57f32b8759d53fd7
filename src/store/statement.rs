use crate::domain::{Access, BackEnd, Field, Target, Text};
use serde::{Serialize, Serializer};
use std::fmt;

/// A statement and what is bound to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Statement {
    /// Static text with numbered parameters; opens with its name in a comment.
    pub sql: &'static str,
    /// `?1`, `?2`, …; `None` is NULL. In the statements of records they are the [`Access`] and what changes, as JSON:
    /// the [`Fields`], or their names alone.
    pub parameters: Vec<Option<String>>,
}

/// A parameter can be personal, or hold a hash.
impl fmt::Debug for Statement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} [parameters redacted]", self.sql)
    }
}

impl Statement {
    /// With what a record's statement needs.
    pub fn on_record(sql: &'static str, access: &Access, change: &impl Serialize) -> Self {
        Self { sql, parameters: vec![json(&AccessJson::of(access)), json(change)] }
    }
}

/// Our own plain structures: this does not fail. SQLite would refuse an empty text as JSON.
pub fn json(value: &(impl Serialize + ?Sized)) -> Option<String> {
    Some(serde_json::to_string(value).unwrap_or_default())
}

/// Who wants to change what, and by what right, as the statements read it.
#[derive(Serialize)]
struct AccessJson {
    /// The back end whose number `subject` is; null for an account's own id.
    issuer: Option<&'static str>,
    /// Whom the token is about.
    subject: i64,
    /// When the token was issued, in Unix seconds; null where it does not say.
    issued_at: Option<i64>,
    /// The permission that is needed; null where everybody may change their own record only.
    permission: Option<&'static str>,
    /// The back end whose number `id` is; null for records with ids of their own.
    back_end: Option<&'static str>,
    /// The record in the path; null for the caller's own.
    id: Option<i64>,
}

impl AccessJson {
    fn of(access: &Access) -> Self {
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

/// The fields to change, as JSON: one that stays as it is is not there, and one that is cleared is null.
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
    /// A text, if it is to change.
    pub fn text(&mut self, name: &'static str, text: Option<&'a str>) {
        self.0.extend(text.map(|text| (name, FieldValue::Text(text))));
    }

    /// A number, if it is to change.
    pub fn number(&mut self, name: &'static str, number: Option<i64>) {
        self.0.extend(number.map(|number| (name, FieldValue::Number(number))));
    }

    /// A text that may be cleared.
    pub fn clearable(&mut self, name: &'static str, field: &'a Field<Text>) {
        match field {
            Field::Keep => {}
            Field::Set(text) => self.text(name, Some(text.as_str())),
            Field::Clear => self.0.push((name, FieldValue::Null)),
        }
    }

    /// The names of the columns that are set. `object` is none: it is the object that another field refers to.
    pub fn columns(&self) -> Vec<&'static str> {
        self.0.iter().map(|(name, _)| *name).filter(|name| *name != "object").collect()
    }

    /// Whether all of them are among these.
    pub fn are_among(&self, names: &[&str]) -> bool {
        self.0.iter().all(|(name, _)| names.contains(name))
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}
