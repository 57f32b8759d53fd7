//! JSON objects that keep the order of their keys, and the differences between two documents.

use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// An object whose keys are serialized in the order in which they were added.
pub struct Named<T>(pub Vec<(String, T)>);

impl<T: Serialize> Serialize for Named<T> {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Wraps a body so that it is serialized byte for byte.
pub fn raw(body: &str) -> Box<RawValue> {
    RawValue::from_string(body.to_owned()).unwrap()
}

/// Returns one line for each difference: its path, the old value and the new value.
pub fn differences(before: &Value, now: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", Some(before), Some(now), &mut found);
    found
}

fn compare(at: &str, before: Option<&Value>, now: Option<&Value>, found: &mut Vec<String>) {
    if before == now {
        return;
    }
    if let (Some(Value::Object(old)), Some(Value::Object(new))) = (before, now) {
        let added = new.keys().filter(|key| !old.contains_key(*key));
        for key in old.keys().chain(added) {
            let at = if at.is_empty() { key.clone() } else { format!("{at} > {key}") };
            compare(&at, old.get(key), new.get(key), found);
        }
        return;
    }
    let shown = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    found.push(format!("{at}: {} is now {}", shown(before), shown(now)));
}
