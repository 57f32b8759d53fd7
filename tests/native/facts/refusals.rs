//! The reply of a dialect to every refusal. Values that come from the request are replaced with names in braces:
//! `{id}`, `{method}`, `{given}`, `{field}`.

use super::super::dialects::{every_refusal, every_rule};
use super::json::{Named, raw};
use perfil::dialect::Answer;
use perfil::domain::{InvalidField, JsonKind, Refusal, Rule, Unique};
use perfil::serve::Reply;
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize)]
pub struct Facts {
    refusals: Named<Refused>,
    /// The reply for each rule when the field `{field}` breaks it.
    rules: Named<Refused>,
    /// The replies to two faults, each alone and both at the same time.
    faults: Faults,
}

#[derive(Serialize)]
pub struct Refused {
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
    body: Box<RawValue>,
}

#[derive(Serialize)]
struct Faults {
    first: Box<RawValue>,
    second: Box<RawValue>,
    both: Box<RawValue>,
}

pub fn facts(refuse: fn(&Refusal) -> Answer) -> Facts {
    let every = every_refusal();
    let refusals = every.iter().filter_map(named).map(|(name, refusal)| (name, refused(&refusal, refuse)));
    let rules = every_rule().into_iter().map(|rule| (name_of(rule).to_owned(), broken("{field}", rule, refuse)));
    let faults = [InvalidField::new("{first}", Rule::Text), InvalidField::new("{second}", Rule::Text)];
    let body = |faults: &[InvalidField]| refused(&Refusal::Invalid(faults.to_vec()), refuse).body;
    Facts {
        refusals: Named(refusals.collect()),
        rules: Named(rules.collect()),
        faults: Faults { first: body(&faults[..1]), second: body(&faults[1..]), both: body(&faults) },
    }
}

pub fn refused(refusal: &Refusal, refuse: fn(&Refusal) -> Answer) -> Refused {
    reply_facts(&Reply::refused(refusal, refuse))
}

pub fn reply_facts(Reply { answer, challenge, allow, retry_after, .. }: &Reply) -> Refused {
    let (challenge, allow, retry_after) = (challenge.as_deref().map(str::to_owned), *allow, *retry_after);
    Refused { status: answer.status, challenge, allow, retry_after, body: raw(&answer.body) }
}

pub fn broken(field: &str, rule: Rule, refuse: fn(&Refusal) -> Answer) -> Refused {
    refused(&Refusal::invalid(field, rule), refuse)
}

/// Returns the name of a refusal in the facts, and the refusal with placeholders for values that come from the request.
/// Returns `None` for broken rules, which are listed separately.
pub fn named(refusal: &Refusal) -> Option<(String, Refusal)> {
    let code = refusal.code();
    match refusal {
        Refusal::Invalid(_) => None,
        Refusal::NotFound { .. } => Some((code.to_owned(), Refusal::not_found("{id}"))),
        Refusal::MethodNotAllowed { .. } => {
            Some((code.to_owned(), Refusal::MethodNotAllowed { method: "{method}".to_owned() }))
        }
        Refusal::UnsupportedMediaType { .. } => {
            Some((code.to_owned(), Refusal::UnsupportedMediaType { given: "{given}".to_owned() }))
        }
        Refusal::NotAnObject(kind) => Some((format!("{code} {}", kind_of(*kind)), refusal.clone())),
        Refusal::Taken(values) => {
            let names: Vec<&str> = values.iter().map(|value| unique(*value)).collect();
            Some((format!("{code} {}", names.join(" ")), refusal.clone()))
        }
        Refusal::NoToken
        | Refusal::BadToken
        | Refusal::StaleToken { .. }
        | Refusal::BadAuthorization
        | Refusal::AccountGone
        | Refusal::AccountInactive
        | Refusal::Forbidden
        | Refusal::NoRoute
        | Refusal::TooManyRequests
        | Refusal::TooLarge
        | Refusal::TooSlow
        | Refusal::Malformed
        | Refusal::MalformedForm
        | Refusal::NothingToUpdate
        | Refusal::NoSuchRole => Some((code.to_owned(), refusal.clone())),
    }
}

pub fn unique(value: Unique) -> &'static str {
    match value {
        Unique::Username => "username",
        Unique::Email => "email",
        Unique::Dni => "dni",
    }
}

fn kind_of(kind: JsonKind) -> &'static str {
    match kind {
        JsonKind::Null => "null",
        JsonKind::Bool => "boolean",
        JsonKind::Integer => "integer",
        JsonKind::Float => "float",
        JsonKind::Text => "string",
        JsonKind::List => "array",
    }
}

pub fn name_of(rule: Rule) -> &'static str {
    match rule {
        Rule::Required => "required",
        Rule::NotNull => "not_null",
        Rule::Text => "text",
        Rule::Number => "number",
        Rule::TooShort { .. } => "too_short",
        Rule::TooLong { .. } => "too_long",
        Rule::ControlCharacter => "control_character",
        Rule::CommonPassword => "common_password",
        Rule::Email => "email",
        Rule::Username => "username",
        Rule::Phone => "phone",
        Rule::NationalId => "national_id",
        Rule::Url => "url",
        Rule::ImagePath => "image_path",
        Rule::File => "file",
        Rule::NotEmpty => "not_empty",
        Rule::Image => "image",
        Rule::PathNumber => "path_number",
        Rule::Unknown => "unknown",
    }
}
