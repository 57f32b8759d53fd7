//! Bodies as objects: their fields by name, read strictly.

use crate::domain::{JsonKind, Refusal};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::BTreeSet;
use std::fmt;

/// The fields of a body by name, as a client sent them. A form becomes an object as well, see [`super::Part`].
///
/// JSON is read strictly: anything that two parsers could read differently is refused (contract R2). This includes
/// malformed JSON, invalid UTF-8, a duplicate key at any depth, and nesting deeper than serde_json's 128 levels.
#[derive(Debug, Default)]
pub struct Object<'a> {
    pub(super) fields: Vec<(String, Value<'a>)>,
    pub(super) is_form: bool,
    pub(super) max_pixels: u32,
    pub(super) blocks_common_passwords: bool,
}

/// One value of an [`Object`]. The contents of lists and objects are checked and dropped, because no field of any
/// dialect has these types.
#[derive(PartialEq, Eq)]
pub enum Value<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number, as the digits that were sent, so that nothing is rounded.
    Number(&'a str),
    /// A string, with its escapes resolved.
    Text(String),
    /// `[…]`
    List,
    /// `{…}`
    Object,
    /// A file in a form.
    File(Vec<u8>),
}

impl<'a> Object<'a> {
    /// Parses a body. An empty body counts as an empty object.
    pub fn parse(body: &'a [u8]) -> Result<Self, Refusal> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        let text = std::str::from_utf8(body).map_err(|_| Refusal::Malformed)?;
        // Some clients send a byte order mark. RFC 8259 lets parsers ignore it, and it does not change any value.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if !text.trim_start().starts_with('{') {
            serde_json::from_str::<Checked>(text).map_err(|_| Refusal::Malformed)?;
            return Err(Refusal::NotAnObject(kind(text.trim())));
        }
        let Entries(raw) = serde_json::from_str(text).map_err(|_| Refusal::Malformed)?;
        let fields = raw
            .into_iter()
            .map(|(name, value)| Some((name, Value::parse(value)?)))
            .collect::<Option<Vec<_>>>()
            .ok_or(Refusal::Malformed)?;
        Ok(Self { fields, ..Self::default() })
    }

    /// Sets whether common passwords are refused (contract S7).
    pub fn blocking_common_passwords(self, blocks_common_passwords: bool) -> Self {
        Self { blocks_common_passwords, ..self }
    }

    /// Returns the value of a field, or `None` if it was not sent.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value)
    }

    /// Removes a field and returns its value, so that a file need not be copied.
    pub fn take(&mut self, name: &str) -> Option<Value<'a>> {
        let at = self.fields.iter().position(|(field, _)| field == name)?;
        Some(self.fields.swap_remove(at).1)
    }

    /// Returns whether the body was sent as a form.
    pub fn is_form(&self) -> bool {
        self.is_form
    }

    /// Returns the names of the fields in the order in which they were sent.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| name.as_str())
    }
}

/// Redacts values, because a text can be a password.
impl fmt::Debug for Value<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Null => "Null",
            Self::Bool => "Bool",
            Self::Number(_) => "Number([redacted])",
            Self::Text(_) => "Text([redacted])",
            Self::List => "List",
            Self::Object => "Object",
            Self::File(_) => "File([redacted])",
        })
    }
}

impl<'a> Value<'a> {
    fn parse(value: &'a RawValue) -> Option<Self> {
        let raw = value.get();
        match raw.as_bytes().first()? {
            b'n' => Some(Self::Null),
            b't' | b'f' => Some(Self::Bool),
            b'"' => serde_json::from_str(raw).ok().map(Self::Text),
            b'[' => serde_json::from_str(raw).ok().map(|Checked| Self::List),
            b'{' => serde_json::from_str(raw).ok().map(|Checked| Self::Object),
            // A number beyond the range of a float is infinite to some parsers and an error to others.
            _ => raw.parse::<f64>().is_ok_and(f64::is_finite).then_some(Self::Number(raw)),
        }
    }
}

/// Returns the kind of a valid JSON text that is not an object.
fn kind(text: &str) -> JsonKind {
    match text.as_bytes().first() {
        Some(b'n') => JsonKind::Null,
        Some(b't' | b'f') => JsonKind::Bool,
        Some(b'"') => JsonKind::Text,
        Some(b'[') => JsonKind::List,
        _ if text.contains(['.', 'e', 'E']) => JsonKind::Float,
        _ => JsonKind::Integer,
    }
}

/// Serializes a body. This does not fail, because dialects only write types that JSON can represent.
pub fn write(body: &impl serde::Serialize) -> String {
    serde_json::to_string(body).unwrap_or_default()
}

/// The entries of an object, with distinct names and unparsed values.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry::<String, &'de RawValue>()? {
            entries.push(entry);
        }
        let distinct: BTreeSet<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
        if distinct.len() != entries.len() {
            return Err(A::Error::custom("duplicate key"));
        }
        Ok(Entries(entries))
    }
}

/// Any JSON value without a duplicate key. It is checked and dropped.
struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(CheckedVisitor)
    }
}

struct CheckedVisitor;

impl<'de> Visitor<'de> for CheckedVisitor {
    type Value = Checked;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Checked, E> {
        Ok(Checked)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Checked, A::Error> {
        while let Some(Checked) = list.next_element()? {}
        Ok(Checked)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Checked, A::Error> {
        let mut names = BTreeSet::new();
        while let Some((name, Checked)) = map.next_entry::<String, _>()? {
            if !names.insert(name) {
                return Err(A::Error::custom("duplicate key"));
            }
        }
        Ok(Checked)
    }
}
