//! A request's body: whether it is taken at all, and its content, bounded in size, time and memory.

use super::in_flight::{Kind, Reservation};
use super::limits::Metered;
use super::session::Session;
use super::{Body, Platform, UploadLimits, form, media_type};
use crate::dialect::{Dialect, Object, Part};
use crate::domain::{Failure, Record, Refusal};

/// The largest JSON body, in bytes (contract R3).
pub const JSON_LIMIT: usize = 64 * 1024;

/// A body as it was sent, and what it holds of the instance's memory.
pub struct Sent<'a> {
    /// What it says.
    pub content: Content,
    /// To be given back when the request is done.
    pub held: Reservation<'a>,
}

/// A body's content.
pub enum Content {
    /// Empty where nothing was sent.
    Json(Vec<u8>),
    /// Its parts, and how many pixels a picture in it may have.
    Form(Vec<(String, Part)>, u32),
}

impl Content {
    /// The change that it asks for.
    pub fn read<R: Record>(self, dialect: &Dialect<R>) -> Result<R::Change, Refusal> {
        match self {
            Self::Json(bytes) => Object::parse(&bytes).and_then(dialect.read),
            Self::Form(parts, pixels) => Object::from_form(parts, &dialect.forms, pixels).and_then(dialect.read),
        }
    }
}

/// The body, bounded in size, time and memory (contract R2, R3, R12). `file` is the part of a form that holds a
/// picture; `None` where no form is taken.
pub async fn receive<'a, P: Platform>(
    file: Option<&'static str>,
    session: &Session<'a, P>,
    body: P::Body,
) -> Result<Sent<'a>, Failure> {
    let platform = session.platform;
    let content_type = body.content_type()?;
    let length = body.length()?;
    is_plain(&body, length)?;
    let form = match file.filter(|_| media_type::is_form(&content_type)) {
        None => None,
        Some(file) => {
            session.meter.allow(Metered::Costly).await?;
            Some((file, platform.upload_limits()?))
        }
    };
    let (kind, limit) = match form {
        None => (Kind::Json, JSON_LIMIT),
        Some((_, limits)) => (Kind::Upload, limits.bytes.saturating_add(form::OVERHEAD)),
    };
    if length.is_some_and(|length| length > limit) {
        return Err(too_large(form.is_some(), &content_type).into());
    }
    let caller = platform.known().resolve(session.actor.subject());
    let held = platform.in_flight().reserve(kind, caller, length.unwrap_or(limit), session.call.seconds())?;
    let bytes = body.bytes(limit).await;
    let content = match form {
        Some((file, limits)) => form_of(bytes, &content_type, file, limits),
        None => json_of(bytes, &content_type),
    };
    Ok(Sent { content: content?, held })
}

/// Nothing here unpacks a body (contract R15).
fn is_plain(body: &impl Body, length: Option<usize>) -> Result<(), Failure> {
    match body.content_encoding()? {
        Some(encoding) if length != Some(0) && !encoding.trim().eq_ignore_ascii_case("identity") => {
            Err(Refusal::UnsupportedMediaType { given: encoding }.into())
        }
        _ => Ok(()),
    }
}

/// JSON's limit does not apply to a form that is not taken: its type is what is wrong with it.
fn too_large(takes_form: bool, content_type: &str) -> Refusal {
    if !takes_form && media_type::is_form(content_type) { unsupported(content_type) } else { Refusal::TooLarge }
}

fn unsupported(content_type: &str) -> Refusal {
    Refusal::UnsupportedMediaType { given: content_type.to_owned() }
}

fn json_of(bytes: Result<Vec<u8>, Failure>, content_type: &str) -> Result<Content, Failure> {
    match bytes {
        Err(Failure::Refused(Refusal::TooLarge)) => Err(too_large(false, content_type).into()),
        Ok(bytes) if !bytes.is_empty() && !media_type::is_json(content_type) => Err(unsupported(content_type).into()),
        bytes => bytes.map(Content::Json),
    }
}

fn form_of(
    bytes: Result<Vec<u8>, Failure>,
    content_type: &str,
    file: &str,
    limits: UploadLimits,
) -> Result<Content, Failure> {
    let bytes = match bytes {
        Err(Failure::Refused(Refusal::Malformed)) => return Err(Refusal::MalformedForm.into()),
        bytes => bytes?,
    };
    // No body at all is an empty object, whatever its type (contract R2).
    if bytes.is_empty() {
        return Ok(Content::Json(bytes));
    }
    let boundary = media_type::boundary(content_type).ok_or(Refusal::MalformedForm)?;
    Ok(Content::Form(form::parse(bytes, boundary, file, limits.bytes)?, limits.pixels))
}
