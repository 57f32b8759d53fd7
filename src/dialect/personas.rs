//! `PUT /api/personas/:id/foto` and `PUT /api/personas/me`: return the persona itself, or `{"message": …}` in Spanish
//! (contract P1–P10).

use super::{Answer, Dialect, Fields, Forms, Framework, Object, Value, form, spanish, text};
use crate::domain::text as rules;
use crate::domain::{Field, PathId, Persona, PersonaChange, Refusal, Rule};
use serde::Serialize;

/// `PUT /api/personas/:id/foto`
pub const FOTO: Dialect<Persona> = Dialect {
    name: "personas",
    back_end: None,
    target: Some(target),
    framework: Framework::Express,
    forms: Forms { file: Some(FOTO_FILE), ..Forms::NONE },
    read: read_foto,
    show,
    refuse,
    fail: |status| message(status, "Error al actualizar foto"),
};

/// `PUT /api/personas/me`
pub const ME: Dialect<Persona> = Dialect {
    name: "personas",
    back_end: None,
    target: None,
    framework: Framework::Express,
    forms: Forms::NONE,
    read: read_me,
    show,
    refuse,
    fail: |status| message(status, "Error al actualizar perfil"),
};

/// The part of a form that contains the photo (contract P5).
const FOTO_FILE: &str = "foto";

/// Parses the ID in the path. Anything but a positive number is treated as a persona that does not exist (contract P3).
fn target(segment: &str) -> Result<PathId, Refusal> {
    PathId::parse(segment)
        .filter(|id| id.digits().bytes().any(|digit| digit != b'0'))
        .ok_or_else(|| Refusal::not_found(segment))
}

fn read_foto(mut body: Object<'_>) -> Result<PersonaChange, Refusal> {
    if body.is_form() {
        let foto = body.take(FOTO_FILE).map_or(Err(Rule::Required), |foto| form::picture(foto, body.max_pixels));
        let foto = foto.map_err(|rule| Refusal::invalid(FOTO_FILE, rule))?;
        return Ok(PersonaChange { upload: Some(foto), ..PersonaChange::default() });
    }
    let foto_url = match body.get("foto_url") {
        None | Some(Value::Null) => Err(Rule::Required),
        Some(value) => text(value, rules::url),
    };
    let foto_url = foto_url.map_err(|rule| Refusal::invalid("foto_url", rule))?;
    Ok(PersonaChange { foto_url: Field::Set(foto_url), ..PersonaChange::default() })
}

fn read_me(body: Object<'_>) -> Result<PersonaChange, Refusal> {
    let name = |value: &Value<'_>| text(value, |raw| rules::line(raw, 1, 100));
    let mut fields = Fields::new(body);
    let change = PersonaChange {
        nombres: fields.value("nombres", name),
        apellidos: fields.value("apellidos", name),
        telefono: fields.clearable("telefono", |value| text(value, rules::phone)),
        dni: fields.value("dni", |value| text(value, rules::national_id)),
        foto_url: fields.clearable("foto_url", |value| text(value, rules::url)),
        ..PersonaChange::default()
    };
    fields.finish(change)
}

#[derive(Serialize)]
struct PersonaBody<'a> {
    id: i64,
    nombres: &'a str,
    apellidos: &'a str,
    telefono: Option<&'a str>,
    dni: &'a str,
    foto_url: Option<&'a str>,
    created_at: &'a str,
}

fn show(persona: &Persona) -> String {
    super::object::write(&PersonaBody {
        id: persona.id,
        nombres: &persona.nombres,
        apellidos: &persona.apellidos,
        telefono: persona.telefono.as_deref(),
        dni: &persona.dni,
        foto_url: persona.foto_url.as_deref(),
        created_at: &persona.created_at,
    })
}

/// Renders a refusal in Spanish. Also used for paths below `/api/personas` that are not an endpoint.
pub fn refuse(refusal: &Refusal) -> Answer {
    match refusal {
        Refusal::NoToken => message(401, spanish::NO_TOKEN),
        Refusal::BadToken
        | Refusal::StaleToken { .. }
        | Refusal::BadAuthorization
        | Refusal::AccountGone
        | Refusal::AccountInactive => message(401, spanish::BAD_TOKEN),
        Refusal::Forbidden => message(403, spanish::FORBIDDEN),
        Refusal::NotFound { .. } => message(404, "Persona no encontrada"),
        Refusal::NoRoute => message(404, spanish::NO_ROUTE),
        Refusal::MethodNotAllowed { .. } => message(405, spanish::METHOD_NOT_ALLOWED),
        Refusal::TooManyRequests => message(429, spanish::TOO_MANY_REQUESTS),
        Refusal::TooSlow => message(408, spanish::TOO_SLOW),
        Refusal::TooLarge => message(413, spanish::TOO_LARGE),
        Refusal::UnsupportedMediaType { .. } => message(415, spanish::UNSUPPORTED_MEDIA_TYPE),
        Refusal::Malformed | Refusal::NotAnObject(_) => message(400, spanish::MALFORMED),
        Refusal::MalformedForm => message(400, spanish::MALFORMED_FORM),
        Refusal::Invalid(violations) => message(400, &spanish::violations(violations)),
        Refusal::NothingToUpdate => message(400, spanish::NOTHING_TO_UPDATE),
        Refusal::NoSuchRole => message(400, spanish::NO_SUCH_ROLE),
        // The dni is the only unique value that these endpoints change (contract P8).
        Refusal::Taken(_) => message(409, "Error al actualizar perfil"),
    }
}

#[derive(Serialize)]
struct Message<'a> {
    message: &'a str,
}

fn message(status: u16, message: &str) -> Answer {
    Answer::new(status, &Message { message })
}
