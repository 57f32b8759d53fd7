//! `PUT /users`: returns the bare record, or NestJS's `{"message", "error", "statusCode"}` (contract F1–F7).

use super::{Answer, Dialect, Fields, Forms, Framework, Object, text};
use crate::domain::text as rules;
use crate::domain::{Account, AccountChange, BackEnd, Change, InvalidField, Refusal, Rule, Unique};
use serde::Serialize;

/// `PUT /users`, a path without an ID: it always means the caller's own account.
pub const USERS: Dialect<Account> = Dialect {
    name: "falcon",
    back_end: Some(BackEnd::Falcon),
    target: None,
    framework: Framework::Express,
    forms: Forms { urlencoded: true, ..Forms::NONE },
    read,
    show,
    refuse,
    fail: |status| error(status, "Internal server error"),
};

const FIELDS: [&str; 4] = ["email", "name", "username", "image_path"];
const DEFAULT_IMAGE: &str = "profile-pictures/default.jpg";
/// Replaces the password hash and the salt. The original API's documentation shows both members, and clients expect
/// them (contract F6).
const REDACTED: &str = "[redacted]";

fn read(body: Object<'_>) -> Result<AccountChange, Refusal> {
    let unknown = body.names().filter(|name| !FIELDS.contains(name));
    let violations = unknown.map(|name| InvalidField::new(name, Rule::Unknown)).collect();
    let mut fields = Fields { object: body, violations };
    let change = AccountChange {
        email: fields.value("email", |value| text(value, |raw| rules::email(raw, 254))),
        full_name: fields.value("name", |value| text(value, |raw| rules::line(raw, 1, 255))),
        username: fields.value("username", |value| text(value, |raw| rules::unspaced_username(raw, 150))),
        image: fields.clearable("image_path", |value| text(value, |raw| rules::image_path(raw, 255))),
        ..AccountChange::default()
    };
    let change = fields.finish(change)?;
    if change.is_empty() {
        return Err(Refusal::NothingToUpdate);
    }
    Ok(change)
}

#[derive(Serialize)]
struct UserBody<'a> {
    id: String,
    email: &'a str,
    name: &'a str,
    username: &'a str,
    password: &'static str,
    salt: &'static str,
    image_path: &'a str,
    role_id: Option<i64>,
    created_at: &'a str,
    updated_at: &'a str,
}

fn show(account: &Account) -> String {
    super::object::write(&UserBody {
        id: account.id.to_string(),
        email: &account.email,
        name: &account.full_name,
        username: &account.username,
        password: REDACTED,
        salt: REDACTED,
        image_path: account.image.as_deref().unwrap_or(DEFAULT_IMAGE),
        role_id: account.back_end_role.or(account.role.as_ref().map(|role| role.id)),
        created_at: &account.created_at,
        updated_at: &account.updated_at,
    })
}

/// Renders a refusal in NestJS's format. Also used for paths below `/users` that are not an endpoint.
pub fn refuse(refusal: &Refusal) -> Answer {
    match refusal {
        Refusal::NoToken
        | Refusal::BadToken
        | Refusal::StaleToken { .. }
        | Refusal::BadAuthorization
        | Refusal::AccountGone
        | Refusal::AccountInactive => error(401, "Invalid token"),
        Refusal::Forbidden => error(403, "Forbidden resource"),
        Refusal::NotFound { .. } => error(404, "User not found"),
        Refusal::NoRoute => error(404, "Not Found"),
        Refusal::MethodNotAllowed { .. } => error(405, "Method Not Allowed"),
        Refusal::TooManyRequests => error(429, "Too Many Requests"),
        Refusal::TooSlow => error(408, "Request Timeout"),
        Refusal::TooLarge => error(413, "Payload Too Large"),
        Refusal::UnsupportedMediaType { .. } => error(415, "Unsupported Media Type"),
        Refusal::Malformed | Refusal::NotAnObject(_) => error(400, "Request body must be a valid JSON object"),
        Refusal::MalformedForm => error(400, "Request body must be a valid form"),
        // A list even for a single violation, because clients read `message[0]`.
        Refusal::Invalid(violations) => body(400, violations.iter().map(violation_message).collect::<Vec<_>>()),
        Refusal::NothingToUpdate => error(400, "No fields provided to update"),
        Refusal::NoSuchRole => error(400, "Role does not exist"),
        Refusal::Taken(values) => error(409, taken(values)),
    }
}

/// Returns the message for taken values. The format has room for one message. That for the e-mail address takes
/// precedence, as in the original API's documentation.
fn taken(values: &[Unique]) -> &'static str {
    if values.contains(&Unique::Username) && !values.contains(&Unique::Email) {
        "Username already exists"
    } else {
        "Email already exists"
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ErrorBody<M> {
    message: M,
    error: &'static str,
    status_code: u16,
}

fn error(status: u16, message: &str) -> Answer {
    body(status, message)
}

fn body(status: u16, message: impl Serialize) -> Answer {
    let error = match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Payload Too Large",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Internal Server Error",
    };
    let status_code = status;
    Answer::new(status, &ErrorBody { message, error, status_code })
}

/// Renders a violation in class-validator's wording. One message covers every violation by an e-mail address (contract
/// F5).
fn violation_message(InvalidField { field, rule }: &InvalidField) -> String {
    if field == "email" && *rule != Rule::Unknown {
        return "email must be an email".to_owned();
    }
    match rule {
        Rule::Unknown => format!("property {field} should not exist"),
        Rule::Required => format!("{field} should not be empty"),
        Rule::NotNull | Rule::Text => format!("{field} must be a string"),
        Rule::Number | Rule::PathNumber => format!("{field} must be a number"),
        Rule::TooShort { min, .. } => format!("{field} must be longer than or equal to {min} characters"),
        Rule::TooLong { max, .. } => format!("{field} must be shorter than or equal to {max} characters"),
        Rule::ControlCharacter => format!("{field} must not contain control characters"),
        Rule::CommonPassword => format!("{field} is too common"),
        Rule::Email => format!("{field} must be an email"),
        Rule::Username => format!("{field} must not contain white space or invisible characters"),
        Rule::Phone => format!("{field} must be a valid phone number"),
        Rule::NationalId => format!("{field} must be a national id number"),
        Rule::Url => format!("{field} must be a URL address"),
        Rule::ImagePath => format!("{field} must be a path or an http(s) URL"),
        Rule::File => format!("{field} must be a file"),
        Rule::NotEmpty => format!("{field} must not be empty"),
        Rule::Image => format!("{field} must be an image"),
    }
}
