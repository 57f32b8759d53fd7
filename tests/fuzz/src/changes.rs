//! The content of a change, by the names of its fields in requests, and the properties that it must have.

use crate::json::Json;
use crate::rules;
use perfil::domain::{AccountChange, Field, PersonaChange, Text};

/// The fields of a change.
pub type Seen = Vec<SeenField>;

/// A field of a change.
pub struct SeenField {
    pub name: &'static str,
    pub got: Got,
    /// The rule for a text in it.
    pub rule: fn(&str) -> bool,
}

/// The effect of a change on a field.
#[derive(Debug, PartialEq)]
pub enum Got {
    Keep,
    Clear,
    Text(String),
    /// As typed, not trimmed.
    Password(String),
    Role(i64),
}

/// R4, R5: no value is invented, none is lost, and each accepted value follows the field's rule.
pub fn assert_follows(field: &SeenField, sent: Option<&Json>) {
    let SeenField { name, got, rule } = field;
    let follows = match (got, sent) {
        (Got::Keep, None) => true,
        (Got::Clear, Some(Json::Null)) => {
            ["telefono", "foto_url", "number_phone", "avatar", "image_path"].contains(name)
        }
        (Got::Text(text), Some(Json::Text(sent))) => text == sent.trim() && rule(text),
        (Got::Text(text), Some(Json::Number(sent))) => rule(text) && is_number(text, sent),
        (Got::Password(text), Some(Json::Text(sent))) => text == sent && rule(text),
        (Got::Role(id), Some(Json::Number(sent))) => is_role(*id, sent),
        _ => false,
    };
    assert!(follows, "{name}: {got:?} for {sent:?}");
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

fn got(name: &'static str, got: Got, rule: fn(&str) -> bool) -> SeenField {
    SeenField { name, got, rule }
}

fn value(text: &Option<Text>) -> Got {
    text.as_ref().map_or(Got::Keep, |text| Got::Text(text.as_str().to_owned()))
}

fn field(field: &Field<Text>) -> Got {
    match field {
        Field::Keep => Got::Keep,
        Field::Clear => Got::Clear,
        Field::Set(text) => Got::Text(text.as_str().to_owned()),
    }
}

fn nothing_else(change: &AccountChange, others: &[Got]) {
    assert!(others.iter().all(|got| *got == Got::Keep), "a field of another dialect: {change:?}");
}

/// P1
pub fn foto(change: &PersonaChange) -> Seen {
    let others = [value(&change.nombres), value(&change.apellidos), field(&change.telefono), value(&change.dni)];
    assert!(others.iter().all(|got| *got == Got::Keep), "more than a photo: {change:?}");
    vec![got("foto_url", field(&change.foto_url), rules::can_be_url)]
}

/// P6, P9
pub fn persona(change: &PersonaChange) -> Seen {
    vec![
        got("nombres", value(&change.nombres), |text| rules::is_line(text, 1, 100)),
        got("apellidos", value(&change.apellidos), |text| rules::is_line(text, 1, 100)),
        got("telefono", field(&change.telefono), rules::is_phone),
        got("dni", value(&change.dni), rules::is_national_id),
        got("foto_url", field(&change.foto_url), rules::can_be_url),
    ]
}

/// S1
pub fn seam(change: &AccountChange) -> Seen {
    let names = [&change.username, &change.first_name, &change.last_name].map(value);
    nothing_else(change, &names);
    nothing_else(change, &[field(&change.number_phone), field(&change.image)]);
    let password = change.password.as_ref().map(|password| String::from_utf8(password.reveal().to_vec()).unwrap());
    vec![
        got("full_name", value(&change.full_name), |text| rules::is_line(text, 2, 100)),
        got("email", value(&change.email), |text| rules::can_be_email(text, 254)),
        got("roleId", change.role.map_or(Got::Keep, Got::Role), |_| true),
        got("password", password.map_or(Got::Keep, Got::Password), |text| rules::is_within(text, 6, 100)),
    ]
}

/// F1, F5
pub fn falcon(change: &AccountChange) -> Seen {
    nothing_else(change, &[&change.first_name, &change.last_name].map(value));
    nothing_else(change, &[field(&change.number_phone)]);
    assert!(change.role.is_none() && change.password.is_none());
    vec![
        got("email", value(&change.email), |text| rules::can_be_email(text, 254)),
        got("name", value(&change.full_name), |text| rules::is_line(text, 1, 255)),
        got("username", value(&change.username), |text| rules::is_unspaced_username(text, 150)),
        got("image_path", field(&change.image), |text| rules::can_be_image_path(text, 255)),
    ]
}

/// D1
pub fn django(change: &AccountChange) -> Seen {
    nothing_else(change, &[value(&change.full_name)]);
    assert!(change.role.is_none() && change.password.is_none());
    vec![
        got("username", value(&change.username), |text| rules::is_username(text, 150)),
        got("email", value(&change.email), |text| rules::can_be_email(text, 200)),
        got("first_name", value(&change.first_name), |text| rules::is_line(text, 0, 200)),
        got("last_name", value(&change.last_name), |text| rules::is_line(text, 0, 200)),
        got("number_phone", field(&change.number_phone), |text| rules::is_line(text, 0, 10)),
        got("avatar", field(&change.image), |_| false),
    ]
}
