use super::{Object, Value};
use crate::domain::{Picture, Refusal, Rule};
use std::collections::BTreeSet;
use std::fmt;

/// One part of a `multipart/form-data` body (RFC 7578).
#[derive(Clone, PartialEq, Eq)]
pub enum Part {
    /// A text.
    Text(String),
    /// A file's bytes. Its name and declared type are not here: nothing is decided by them (contract M1).
    File(Vec<u8>),
}

/// What somebody sent is nobody's to read in a log.
impl fmt::Debug for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Text(_) => "Text([redacted])",
            Self::File(_) => "File([redacted])",
        })
    }
}

impl Object<'static> {
    /// A form as an object. A part that is there twice is refused, as is a key in JSON: what two parsers could read
    /// differently.
    /// A picture in it may have so many pixels (contract M1).
    pub fn from_form(parts: Vec<(String, Part)>, max_pixels: u32) -> Result<Self, Refusal> {
        let distinct: BTreeSet<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
        if distinct.len() != parts.len() {
            return Err(Refusal::MalformedForm);
        }
        let fields = parts.into_iter().map(|(name, part)| (name, Value::from(part))).collect();
        Ok(Self { fields, is_form: true, max_pixels })
    }
}

impl From<Part> for Value<'_> {
    fn from(part: Part) -> Self {
        match part {
            Part::Text(text) if text.is_empty() => Self::Blank,
            Part::Text(text) => Self::Text(text),
            Part::File(bytes) => Self::File(bytes),
        }
    }
}

/// The picture that a form's part holds (contract D5, M1).
pub fn picture(value: Value<'_>, max_pixels: u32) -> Result<Picture, Rule> {
    match value {
        Value::Blank => Err(Rule::NotEmpty),
        Value::File(bytes) if bytes.is_empty() => Err(Rule::NotEmpty),
        Value::File(bytes) => Picture::parse(bytes, max_pixels).map_err(|_| Rule::Image),
        Value::Null | Value::Bool | Value::Number(_) | Value::Text(_) | Value::List | Value::Object => Err(Rule::File),
    }
}
