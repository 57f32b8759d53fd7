//! JSON bodies. The first byte selects the endpoint that reads the rest.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perfil::dialect::{Dialect, Object, Value, django, falcon, personas, seam};
use perfil::domain::{Change, JsonKind, Record, Refusal, Rule};
use perfil_fuzz::assert_is_rendered;
use perfil_fuzz::changes::{self, Effect, FieldEffects};
use perfil_fuzz::json::{self, Json, ParseError};
use std::fmt::Debug;

fuzz_target!(|data: &[u8]| {
    let Some((endpoint, body)) = data.split_first() else { return };
    object(body);
    match endpoint % 5 {
        0 => check(&personas::FOTO, body, changes::foto, &[]),
        1 => check(&personas::ME, body, changes::persona, &[]),
        2 => check(&seam::USER, body, changes::seam, &[]),
        3 => check(&falcon::USERS, body, changes::falcon, &["strict", "needs one"]),
        _ => check(&django::PROFILE, body, changes::django, &["numbers are text"]),
    }
});

/// R2: compares the worker's parser for objects with an independent one.
fn object(body: &[u8]) {
    let object = Object::parse(body);
    let text = std::str::from_utf8(body).map(|text| text.strip_prefix('\u{feff}').unwrap_or(text));
    let model = text.map_err(|_| ParseError::Invalid).and_then(json::parse);
    match (&object, &model) {
        (_, Err(ParseError::TooDeep)) => {}
        (Ok(object), Err(ParseError::Invalid)) => assert!(body.is_empty() && object.names().count() == 0),
        (Err(refusal), Err(ParseError::Invalid)) => assert_eq!(*refusal, Refusal::Malformed),
        (Ok(object), Ok(model)) => {
            let Json::Object(fields) = model else { panic!("{model:?} is not an object") };
            assert!(!model.has_duplicate_names() && model.largest().is_finite());
            assert!(object.names().eq(fields.iter().map(|(name, _)| name.as_str())));
            assert!(fields.iter().all(|(name, value)| object.get(name).is_some_and(|read| is_same(read, value))));
        }
        (Err(refusal), Ok(model)) => {
            // Near the limit of f64, parsers differ slightly.
            let is_bad = model.has_duplicate_names() || model.largest() > 1e308;
            let expected = match model {
                _ if is_bad => Refusal::Malformed,
                Json::Null => Refusal::NotAnObject(JsonKind::Null),
                Json::Bool(_) => Refusal::NotAnObject(JsonKind::Bool),
                Json::Number(digits) if digits.bytes().any(|b| b".eE".contains(&b)) => {
                    Refusal::NotAnObject(JsonKind::Float)
                }
                Json::Number(_) => Refusal::NotAnObject(JsonKind::Integer),
                Json::Text(_) => Refusal::NotAnObject(JsonKind::Text),
                Json::List(_) => Refusal::NotAnObject(JsonKind::List),
                Json::Object(_) => panic!("{model:?} is refused"),
            };
            assert!(*refusal == expected || is_bad, "{refusal:?} for {model:?}");
        }
    }
}

fn is_same(read: &Value<'_>, sent: &Json) -> bool {
    match (read, sent) {
        (Value::Null, Json::Null) | (Value::Bool, Json::Bool(_)) => true,
        (Value::List, Json::List(_)) | (Value::Object, Json::Object(_)) => true,
        (Value::Number(read), Json::Number(sent)) => read == sent,
        (Value::Text(read), Json::Text(sent)) => read == sent,
        _ => false,
    }
}

fn read<R: Record>(dialect: &Dialect<R>, body: &[u8]) -> Result<R::Change, Refusal> {
    Object::parse(body).and_then(dialect.read)
}

fn check<R: Record>(dialect: &Dialect<R>, body: &[u8], effects_of: fn(&R::Change) -> FieldEffects, traits: &[&str])
where
    R::Change: Debug + Default + PartialEq,
{
    let change = read(dialect, body);
    if let Err(refusal) = &change {
        assert_is_rendered(refusal);
        assert_eq!((dialect.refuse)(refusal).status, 400);
    }
    let sent = std::str::from_utf8(body).ok().and_then(|text| json::parse(text).ok());
    let Some(sent @ Json::Object(fields)) = &sent else { return };
    let is_strict = traits.contains(&"strict");
    let known: Vec<&str> = effects_of(&R::Change::default()).iter().map(|field| field.name).collect();
    match &change {
        Ok(change) => {
            let effects = effects_of(change);
            effects.iter().for_each(|field| changes::assert_follows(field, sent.get(field.name)));
            let is_nothing = effects.iter().all(|field| field.effect == Effect::Keep);
            assert_eq!(change.is_empty(), is_nothing);
            assert!(!is_nothing || !traits.contains(&"needs one"));
            assert!(change.upload().is_none());
            assert!(!is_strict || fields.iter().all(|(name, _)| known.contains(&name.as_str())));
        }
        Err(Refusal::Invalid(faults)) => {
            assert!(!faults.is_empty());
            for fault in faults {
                let value = sent.get(&fault.field);
                let is_number = matches!(value, Some(Json::Number(_)));
                let is_text =
                    matches!(value, Some(Json::Text(_))) || (is_number && traits.contains(&"numbers are text"));
                let is_right = match fault.rule {
                    Rule::Required => matches!(value, None | Some(Json::Null)),
                    Rule::NotNull => value == Some(&Json::Null),
                    Rule::Unknown => is_strict && value.is_some() && !known.contains(&fault.field.as_str()),
                    Rule::Text => value.is_some() && !is_text,
                    Rule::Number => value.is_some() && !is_number,
                    Rule::File => fault.field == "avatar" && value.is_some(),
                    _ => is_text && known.contains(&fault.field.as_str()),
                };
                assert!(is_right, "{fault:?} for {value:?}");
            }
        }
        Err(Refusal::NothingToUpdate) => assert!(traits.contains(&"needs one") && fields.is_empty()),
        Err(refusal) => {
            assert!(
                *refusal == Refusal::Malformed && (sent.has_duplicate_names() || sent.largest() > 1e308),
                "{refusal:?}"
            );
            return;
        }
    }
    // The change is the same if the body is written differently, and without the unknown fields.
    assert_eq!(read(dialect, sent.write().as_bytes()), change);
    if !is_strict {
        let known_fields = fields.iter().filter(|(name, _)| known.contains(&name.as_str())).cloned().collect();
        assert_eq!(read(dialect, Json::Object(known_fields).write().as_bytes()), change);
    }
    if change.is_ok() {
        let reversed = Json::Object(fields.iter().rev().cloned().collect());
        assert_eq!(read(dialect, reversed.write().as_bytes()), change);
    }
}
