use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::collections::BTreeSet;
use std::fmt;

/// Returns true for a member that is present, whatever its value, null included. For use with serde's `default` and
/// `deserialize_with`.
pub fn is_present<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

/// A claim as it was signed, reduced to what the rules read.
///
/// `serde_json::Value` is not used, because it replaces an object whose first key is `$serde_json::private::RawValue`
/// with the JSON in that member's text. An object could then pass for a number, and falcon's `profile` for something
/// that is not an object. `Value` also keeps the last of several members with the same name, whereas this type returns
/// an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    Integer(i64),
    Text(String),
    List(Vec<Self>),
    /// An object, with its member `id` if there is one.
    Object(Option<Box<Self>>),
    /// Null, a boolean, or a number that is too large or not an integer.
    Other,
}

impl Claim {
    /// Returns whether the claim is this text.
    pub fn is(&self, text: &str) -> bool {
        matches!(self, Self::Text(own) if own == text)
    }
}

impl<'de> Deserialize<'de> for Claim {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(ClaimVisitor)
    }
}

struct ClaimVisitor;

impl<'de> Visitor<'de> for ClaimVisitor {
    type Value = Claim;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Claim, E> {
        Ok(Claim::Other)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Claim, E> {
        Ok(Claim::Other)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Claim, E> {
        Ok(Claim::Integer(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Claim, E> {
        Ok(i64::try_from(number).map_or(Claim::Other, Claim::Integer))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Claim, E> {
        Ok(Claim::Other)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Claim, E> {
        Ok(Claim::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Claim, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Claim::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claim, A::Error> {
        let mut names = BTreeSet::new();
        let mut id = None;
        while let Some((name, value)) = map.next_entry::<String, Claim>()? {
            if name == "id" {
                id = Some(Box::new(value));
            }
            if !names.insert(name) {
                return Err(A::Error::custom("duplicate key"));
            }
        }
        Ok(Claim::Object(id))
    }
}
