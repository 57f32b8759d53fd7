use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

/// For `#[serde(default, deserialize_with = "is_present")]`: whether a member is there, whatever its value, null
/// included.
pub fn is_present<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}
