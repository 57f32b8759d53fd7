//! `PUT /api/profile/:id/update/`: returns the flat record, or errors in Django REST framework's format
//! (contract D1–D10).

use super::{Answer, Dialect, Fields, Forms, Framework, Object, Value, form};
use crate::domain::text as rules;
use crate::domain::{
    Account, AccountChange, BackEnd, Field, InvalidField, JsonKind, ObjectKey, PathId, Refusal, Rule, Text, Unique,
};
use serde::{Serialize, Serializer};

/// `PUT /api/profile/:id/update/`
pub const PROFILE: Dialect<Account> = Dialect {
    name: "django",
    back_end: Some(BackEnd::Django),
    target: Some(target),
    framework: Framework::Django,
    forms: Forms { file: Some(AVATAR), urlencoded: true, django_semantics: true },
    read,
    show,
    refuse,
    fail: |status| answer(status, &[("error", "Internal server error")]),
};

/// The picture's field: a file in a form. In JSON it can only be null, which removes the picture (contract D5).
const AVATAR: &str = "avatar";
/// The key under which DRF reports errors that concern the body as a whole.
const NON_FIELD: &str = "non_field_errors";

/// Parses the ID in the path. Anything but a number is treated as an account that does not exist (contract D3).
fn target(segment: &str) -> Result<PathId, Refusal> {
    PathId::parse(segment).ok_or_else(|| Refusal::not_found(segment))
}

fn read(body: Object<'_>) -> Result<AccountChange, Refusal> {
    let name = |value: &Value<'_>| char_field(value, |raw| rules::line(raw, 0, 200));
    let mut fields = Fields::new(body);
    let mut change = AccountChange {
        username: fields.value("username", |value| char_field(value, |raw| rules::username(raw, 150))),
        email: fields.value("email", |value| char_field(value, |raw| rules::email(raw, 200))),
        first_name: fields.value("first_name", name),
        last_name: fields.value("last_name", name),
        number_phone: fields.clearable("number_phone", |value| char_field(value, |raw| rules::line(raw, 0, 10))),
        ..AccountChange::default()
    };
    match fields.object.take(AVATAR) {
        None => {}
        Some(Value::Null) => change.image = Field::Clear,
        Some(value) => {
            let picture = match fields.object.is_form() {
                true => form::picture(value, fields.object.max_pixels),
                false => Err(Rule::File),
            };
            change.upload = fields.check(AVATAR, picture);
        }
    }
    fields.finish(change)
}

/// Parses a text, or a number as its text, as DRF's CharField does (contract D1).
fn char_field(value: &Value<'_>, parse: impl FnOnce(&str) -> Result<Text, Rule>) -> Result<Text, Rule> {
    if let Value::Number(digits) = value { parse(&python_number(digits)) } else { super::text(value, parse) }
}

/// Formats a JSON number as Python's `str` does after `json.loads`: integers digit for digit, other numbers as the
/// shortest text that reads back the same, with an exponent below 1e-4 and from 1e16.
fn python_number(digits: &str) -> String {
    let is_integer = !digits.contains(['.', 'e', 'E']);
    if is_integer {
        return if digits == "-0" { "0".to_owned() } else { digits.to_owned() };
    }
    let Ok(number) = digits.parse::<f64>() else {
        return digits.to_owned();
    };
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if number != 0.0 && !(-4..16).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => format!("{number:?}"),
    }
}

#[derive(Serialize)]
struct ProfileBody<'a> {
    id: i64,
    username: &'a str,
    email: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    number_phone: Option<&'a str>,
    avatar: Option<String>,
    date_joined: String,
    last_login: Option<String>,
    is_active: bool,
    is_staff: bool,
    is_superuser: bool,
}

fn show(account: &Account) -> String {
    super::object::write(&ProfileBody {
        id: account.id,
        username: &account.username,
        email: &account.email,
        first_name: &account.first_name,
        last_name: &account.last_name,
        number_phone: account.number_phone.as_deref(),
        avatar: account.image.as_deref().and_then(avatar),
        date_joined: time(&account.created_at),
        last_login: account.last_login.as_deref().map(time),
        is_active: account.is_active,
        is_staff: account.is_staff,
        is_superuser: account.is_superuser,
    })
}

/// Returns the URL path of a picture that Perfil serves. falcon's clients can also set a path or URL of a picture that
/// is stored elsewhere, for which this returns `None`.
fn avatar(image: &str) -> Option<String> {
    ObjectKey::parse(image).map(|key| key.url_path())
}

/// Formats a time without its fraction if that is zero.
fn time(stored: &str) -> String {
    match stored.strip_suffix(".000Z") {
        Some(seconds) => format!("{seconds}Z"),
        None => stored.to_owned(),
    }
}

/// Renders a refusal in DRF's format. Also used for paths below `/api/profile` that are not an endpoint.
pub fn refuse(refusal: &Refusal) -> Answer {
    match refusal {
        Refusal::NoToken => detail(401, "Authentication credentials were not provided."),
        Refusal::BadToken | Refusal::StaleToken { .. } => Answer { status: 401, body: INVALID_TOKEN.to_owned() },
        Refusal::BadAuthorization => {
            let detail = "Authorization header must contain two space-delimited values";
            answer(401, &[("detail", detail), ("code", "bad_authorization_header")])
        }
        Refusal::AccountGone => answer(401, &[("detail", "User not found"), ("code", "user_not_found")]),
        Refusal::AccountInactive => answer(401, &[("detail", "User is inactive"), ("code", "user_inactive")]),
        Refusal::Forbidden => answer(403, &[("error", "Not authorized")]),
        Refusal::NotFound { .. } | Refusal::NoRoute => detail(404, "Not found."),
        Refusal::MethodNotAllowed { method } => detail(405, &format!("Method \"{method}\" not allowed.")),
        Refusal::TooManyRequests => detail(429, "Request was throttled. Expected available in 60 seconds."),
        Refusal::TooSlow => detail(408, "Request timed out."),
        Refusal::TooLarge => detail(413, "Request body too large."),
        Refusal::UnsupportedMediaType { given } => {
            detail(415, &format!("Unsupported media type \"{given}\" in request."))
        }
        Refusal::Malformed => detail(400, "JSON parse error"),
        Refusal::MalformedForm => detail(400, "Multipart form parse error"),
        Refusal::NotAnObject(kind) => answer(400, &[(NON_FIELD, [not_an_object(*kind)])]),
        Refusal::NothingToUpdate => answer(400, &[(NON_FIELD, ["No data provided"])]),
        Refusal::NoSuchRole => answer(400, &[(NON_FIELD, ["Object does not exist."])]),
        Refusal::Invalid(violations) => {
            let all: Vec<_> = violations.iter().map(violation).collect();
            answer(400, &all)
        }
        Refusal::Taken(values) => {
            let all: Vec<_> = values.iter().map(|value| taken(*value)).collect();
            answer(400, &all)
        }
    }
}

/// simplejwt's body for a bad token (contract D10).
const INVALID_TOKEN: &str = concat!(
    r#"{"detail":"Given token not valid for any token type","code":"token_not_valid","#,
    r#""messages":[{"token_class":"AccessToken","token_type":"access","message":"Token is invalid or expired"}]}"#
);

fn taken(value: Unique) -> (&'static str, [&'static str; 1]) {
    match value {
        Unique::Username => ("username", ["A user with that username already exists."]),
        Unique::Email => ("email", ["A user with that email already exists."]),
        Unique::Dni => ("dni", ["A user with that dni already exists."]),
    }
}

fn not_an_object(kind: JsonKind) -> String {
    let name = match kind {
        JsonKind::Null => return "No data provided".to_owned(),
        JsonKind::Bool => "bool",
        JsonKind::Integer => "int",
        JsonKind::Float => "float",
        JsonKind::Text => "str",
        JsonKind::List => "list",
    };
    format!("Invalid data. Expected a dictionary, but got {name}.")
}

fn detail(status: u16, detail: &str) -> Answer {
    answer(status, &[("detail", detail)])
}

fn answer<V: Serialize>(status: u16, entries: &[(&str, V)]) -> Answer {
    Answer::new(status, &Ordered(entries))
}

/// An object whose keys keep the order in which they are given.
struct Ordered<'a, V>(&'a [(&'a str, V)]);

impl<V: Serialize> Serialize for Ordered<'_, V> {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

fn violation(InvalidField { field, rule }: &InvalidField) -> (&str, [String; 1]) {
    (field, [violation_message(*rule)])
}

fn violation_message(rule: Rule) -> String {
    let message = match rule {
        Rule::Required => "This field is required.",
        Rule::NotNull => "This field may not be null.",
        Rule::Text => "Not a valid string.",
        Rule::Number | Rule::PathNumber => "A valid integer is required.",
        Rule::TooShort { .. } => "This field may not be blank.",
        Rule::TooLong { max, .. } => {
            return format!("Ensure this field has no more than {max} characters.");
        }
        Rule::ControlCharacter => "Control characters are not allowed.",
        Rule::CommonPassword => "This password is too common.",
        Rule::Email => "This field must be a valid email address.",
        Rule::Username => {
            "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters."
        }
        Rule::Phone | Rule::NationalId | Rule::ImagePath => "Enter a valid value.",
        Rule::Url => "Enter a valid URL.",
        Rule::File => "The submitted data was not a file. Check the encoding type on the form.",
        Rule::NotEmpty => "The submitted file is empty.",
        Rule::Image => "Upload a valid image. The file you uploaded was either not an image or a corrupted image.",
        Rule::Unknown => "This field is not allowed.",
    };
    message.to_owned()
}
