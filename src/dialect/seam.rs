//! `PUT /api/v1/users/:id`: returns `{"success", "message", "data"}` in Spanish (contract S1–S6).

use super::{Answer, Dialect, Fields, Forms, Framework, Object, Value, spanish, text};
use crate::domain::text as rules;
use crate::domain::{Account, AccountChange, BackEnd, Id, PathId, Refusal, Rule};
use serde::Serialize;

/// `PUT /api/v1/users/:id`
pub const USER: Dialect<Account> = Dialect {
    name: "seam",
    back_end: Some(BackEnd::Seam),
    target: Some(target),
    framework: Framework::Express,
    forms: Forms::NONE,
    read,
    show,
    refuse,
    fail: |status| error(status, "Error interno del servidor"),
};

/// Parses the ID in the path. Anything but a number is a violation by the field `id` (contract S2).
fn target(segment: &str) -> Result<PathId, Refusal> {
    PathId::parse(segment).ok_or_else(|| Refusal::invalid("id", Rule::PathNumber))
}

fn read(body: Object<'_>) -> Result<AccountChange, Refusal> {
    let password = if body.blocks_common_passwords { rules::uncommon_password } else { rules::password };
    let mut fields = Fields::new(body);
    let change = AccountChange {
        full_name: fields.value("full_name", |value| text(value, |raw| rules::line(raw, 2, 100))),
        // One message covers every violation by an e-mail address here (contract S2).
        email: fields.value("email", |value| text(value, |raw| rules::email(raw, 254).map_err(|_| Rule::Email))),
        role: fields.value("roleId", role),
        password: fields.value("password", |value| text(value, |raw| password(raw, 6, 100))),
        ..AccountChange::default()
    };
    fields.finish(change)
}

/// Parses a role's ID from a number in any spelling (`2`, `2.0`, `2e0`). The database decides whether the role exists.
/// A number that cannot be an ID (a fraction, a negative number) becomes 0, which no role has.
fn role(value: &Value<'_>) -> Result<i64, Rule> {
    let Value::Number(digits) = value else {
        return Err(Rule::Number);
    };
    let plain = digits.parse::<f64>().map_err(|_| Rule::Number)?.to_string();
    Ok(Id::parse(&plain).map_or(0, Id::get))
}

#[derive(Serialize)]
struct Envelope<'a> {
    success: bool,
    message: &'a str,
    data: Option<UserData<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UserData<'a> {
    id_user: i64,
    #[serde(rename = "full_name")]
    full_name: &'a str,
    email: &'a str,
    role_id: Option<i64>,
    role_name: Option<&'a str>,
    role_description: Option<&'a str>,
}

fn show(account: &Account) -> String {
    let role = account.role.as_ref();
    super::object::write(&Envelope {
        success: true,
        message: "Usuario actualizado exitosamente",
        data: Some(UserData {
            id_user: account.id,
            full_name: &account.full_name,
            email: &account.email,
            role_id: role.map(|role| role.id),
            role_name: role.map(|role| role.name.as_str()),
            role_description: role.and_then(|role| role.description.as_deref()),
        }),
    })
}

/// Renders a refusal in Spanish. Also used for paths below `/api/v1` that are not an endpoint.
pub fn refuse(refusal: &Refusal) -> Answer {
    match refusal {
        Refusal::NoToken => error(401, spanish::NO_TOKEN),
        Refusal::BadToken
        | Refusal::StaleToken { .. }
        | Refusal::BadAuthorization
        | Refusal::AccountGone
        | Refusal::AccountInactive => error(401, spanish::BAD_TOKEN),
        Refusal::Forbidden => error(403, spanish::FORBIDDEN),
        Refusal::NotFound { id } => error(404, &format!("Usuario con id {id} no encontrado")),
        Refusal::NoRoute => error(404, spanish::NO_ROUTE),
        Refusal::MethodNotAllowed { .. } => error(405, spanish::METHOD_NOT_ALLOWED),
        Refusal::TooManyRequests => error(429, spanish::TOO_MANY_REQUESTS),
        Refusal::TooSlow => error(408, spanish::TOO_SLOW),
        Refusal::TooLarge => error(413, spanish::TOO_LARGE),
        Refusal::UnsupportedMediaType { .. } => error(415, spanish::UNSUPPORTED_MEDIA_TYPE),
        Refusal::Malformed | Refusal::NotAnObject(_) => error(400, spanish::MALFORMED),
        Refusal::MalformedForm => error(400, spanish::MALFORMED_FORM),
        Refusal::Invalid(violations) => error(400, &spanish::violations(violations)),
        Refusal::NothingToUpdate => error(400, spanish::NOTHING_TO_UPDATE),
        Refusal::NoSuchRole => error(400, spanish::NO_SUCH_ROLE),
        // The e-mail address is the only unique value that this endpoint changes (contract S4).
        Refusal::Taken(_) => error(409, "El correo ya está en uso por otro usuario"),
    }
}

fn error(status: u16, message: &str) -> Answer {
    let success = false;
    let data = None;
    Answer::new(status, &Envelope { success, message, data })
}
