//! Forms, and the pictures in them.

use super::{Forms, Object, Value};
use crate::domain::{Picture, Refusal, Rule};
use std::collections::BTreeSet;
use std::fmt;

/// One part of a `multipart/form-data` body (RFC 7578).
#[derive(Clone, PartialEq, Eq)]
pub enum Part {
    /// A text.
    Text(String),
    /// A file's bytes. Its name and declared type are omitted, because no decision depends on them (contract M1).
    File(Vec<u8>),
    /// A file input in which no file was chosen: an empty file name and no bytes.
    NoFile,
}

/// Redacts what the client sent, so that it cannot end up in a log.
impl fmt::Debug for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Text(_) => "Text([redacted])",
            Self::File(_) => "File([redacted])",
            Self::NoFile => "NoFile",
        })
    }
}

impl Object<'static> {
    /// Converts a form into an object. A picture in it may have at most `max_pixels` pixels (contract M1).
    ///
    /// A duplicate name is refused, like a duplicate key in JSON, unless `forms.django_semantics` is set.
    pub fn from_form(parts: Vec<(String, Part)>, forms: &Forms, max_pixels: u32) -> Result<Self, Refusal> {
        let parts = if forms.django_semantics { with_django_semantics(parts, forms.file) } else { parts };
        let distinct: BTreeSet<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
        if distinct.len() != parts.len() {
            return Err(Refusal::MalformedForm);
        }
        let fields = parts.into_iter().map(|(name, part)| (name, Value::from(part))).collect();
        Ok(Self { fields, is_form: true, max_pixels, ..Self::default() })
    }
}

/// Drops file inputs in which no file was chosen, and keeps the last part of each name (contract D9).
fn with_django_semantics(mut parts: Vec<(String, Part)>, file: Option<&str>) -> Vec<(String, Part)> {
    parts.retain(|(name, part)| match part {
        Part::NoFile => false,
        Part::Text(text) => !text.is_empty() || file != Some(name),
        Part::File(_) => true,
    });
    let mut names = BTreeSet::new();
    parts.reverse();
    parts.retain(|(name, _)| names.insert(name.clone()));
    parts.reverse();
    parts
}

impl From<Part> for Value<'_> {
    fn from(part: Part) -> Self {
        match part {
            Part::Text(text) => Self::Text(text),
            Part::File(bytes) => Self::File(bytes),
            Part::NoFile => Self::File(Vec::new()),
        }
    }
}

/// Parses the picture in a part of a form (contract D5, M1).
pub fn picture(value: Value<'_>, max_pixels: u32) -> Result<Picture, Rule> {
    match value {
        Value::Text(text) if text.is_empty() => Err(Rule::NotEmpty),
        Value::File(bytes) if bytes.is_empty() => Err(Rule::NotEmpty),
        Value::File(bytes) => Picture::parse(bytes, max_pixels).map_err(|_| Rule::Image),
        Value::Null | Value::Bool | Value::Number(_) | Value::Text(_) | Value::List | Value::Object => Err(Rule::File),
    }
}
