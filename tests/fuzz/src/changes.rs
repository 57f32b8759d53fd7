//! The content of a change, by the names of its fields in requests, and the properties that it must have.

use crate::json::Json;
use crate::rules;
use perfil::domain::{AccountChange, Field, PersonaChange, Text};

/// The fields of a change.
pub type FieldEffects = Vec<FieldEffect>;

/// A field of a change.
pub struct FieldEffect {
    pub name: &'static str,
    pub effect: Effect,
    /// The rule for a text in it.
    pub rule: fn(&str) -> bool,
}

/// The effect of a change on a field.
#[derive(Debug, PartialEq)]
pub enum Effect {
    Keep,
    Clear,
    Text(String),
    /// As typed, not trimmed.
    Password(String),
    Role(i64),
}

/// R4, R5: no value is invented, none is lost, and each accepted value follows the field's rule.
pub fn assert_follows(field: &FieldEffect, sent: Option<&Json>) {
    let FieldEffect { name, effect, rule } = field;
    let follows = match (effect, sent) {
        (Effect::Keep, None) => true,
        (Effect::Clear, Some(Json::Null)) => {
            ["telefono", "foto_url", "number_phone", "avatar", "image_path"].contains(name)
        }
        (Effect::Text(text), Some(Json::Text(sent))) => text == sent.trim() && rule(text),
        (Effect::Text(text), Some(Json::Number(sent))) => rule(text) && is_number(text, sent),
        (Effect::Password(text), Some(Json::Text(sent))) => text == sent && rule(text),
        (Effect::Role(id), Some(Json::Number(sent))) => is_role(*id, sent),
        _ => false,
    };
    assert!(follows, "{name}: {effect:?} for {sent:?}");
}

/// D1: an integer keeps its digits, and any other number becomes a text that parses to the same number.
fn is_number(text: &str, sent: &str) -> bool {
    let is_integer = sent.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit());
    match sent {
        "-0" => text == "0",
        _ if is_integer => text == sent,
        _ => text.parse::<f64>() == sent.parse::<f64>() && text.contains(['.', 'e']),
    }
}

/// S1: a role's ID in any spelling. 0 is no role's ID.
fn is_role(id: i64, sent: &str) -> bool {
    let number: f64 = sent.parse().unwrap();
    let can_be = number.fract() == 0.0 && number >= 1.0 && number < 9_007_199_254_740_992.0;
    if can_be { id as f64 == number } else { id == 0 }
}

fn field_effect(name: &'static str, effect: Effect, rule: fn(&str) -> bool) -> FieldEffect {
    FieldEffect { name, effect, rule }
}

fn value(text: &Option<Text>) -> Effect {
    text.as_ref().map_or(Effect::Keep, |text| Effect::Text(text.as_str().to_owned()))
}

fn field(field: &Field<Text>) -> Effect {
    match field {
        Field::Keep => Effect::Keep,
        Field::Clear => Effect::Clear,
        Field::Set(text) => Effect::Text(text.as_str().to_owned()),
    }
}

fn nothing_else(change: &AccountChange, others: &[Effect]) {
    assert!(others.iter().all(|effect| *effect == Effect::Keep), "a field of another dialect: {change:?}");
}

/// P1
pub fn foto(change: &PersonaChange) -> FieldEffects {
    let others = [value(&change.nombres), value(&change.apellidos), field(&change.telefono), value(&change.dni)];
    assert!(others.iter().all(|effect| *effect == Effect::Keep), "more than a photo: {change:?}");
    vec![field_effect("foto_url", field(&change.foto_url), rules::can_be_url)]
}

/// P6, P9
pub fn persona(change: &PersonaChange) -> FieldEffects {
    vec![
        field_effect("nombres", value(&change.nombres), |text| rules::is_line(text, 1, 100)),
        field_effect("apellidos", value(&change.apellidos), |text| rules::is_line(text, 1, 100)),
        field_effect("telefono", field(&change.telefono), rules::is_phone),
        field_effect("dni", value(&change.dni), rules::is_national_id),
        field_effect("foto_url", field(&change.foto_url), rules::can_be_url),
    ]
}

/// S1
pub fn seam(change: &AccountChange) -> FieldEffects {
    let names = [&change.username, &change.first_name, &change.last_name].map(value);
    nothing_else(change, &names);
    nothing_else(change, &[field(&change.number_phone), field(&change.image)]);
    let password = change.password.as_ref().map(|password| String::from_utf8(password.reveal().to_vec()).unwrap());
    vec![
        field_effect("full_name", value(&change.full_name), |text| rules::is_line(text, 2, 100)),
        field_effect("email", value(&change.email), |text| rules::can_be_email(text, 254)),
        field_effect("roleId", change.role.map_or(Effect::Keep, Effect::Role), |_| true),
        field_effect("password", password.map_or(Effect::Keep, Effect::Password), |text| {
            rules::is_within(text, 6, 100)
        }),
    ]
}

/// F1, F5
pub fn falcon(change: &AccountChange) -> FieldEffects {
    nothing_else(change, &[&change.first_name, &change.last_name].map(value));
    nothing_else(change, &[field(&change.number_phone)]);
    assert!(change.role.is_none() && change.password.is_none());
    vec![
        field_effect("email", value(&change.email), |text| rules::can_be_email(text, 254)),
        field_effect("name", value(&change.full_name), |text| rules::is_line(text, 1, 255)),
        field_effect("username", value(&change.username), |text| rules::is_unspaced_username(text, 150)),
        field_effect("image_path", field(&change.image), |text| rules::can_be_image_path(text, 255)),
    ]
}

/// D1
pub fn django(change: &AccountChange) -> FieldEffects {
    nothing_else(change, &[value(&change.full_name)]);
    assert!(change.role.is_none() && change.password.is_none());
    vec![
        field_effect("username", value(&change.username), |text| rules::is_username(text, 150)),
        field_effect("email", value(&change.email), |text| rules::can_be_email(text, 200)),
        field_effect("first_name", value(&change.first_name), |text| rules::is_line(text, 0, 200)),
        field_effect("last_name", value(&change.last_name), |text| rules::is_line(text, 0, 200)),
        field_effect("number_phone", field(&change.number_phone), |text| rules::is_line(text, 0, 10)),
        field_effect("avatar", field(&change.image), |_| false),
    ]
}
