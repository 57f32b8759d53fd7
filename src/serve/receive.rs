//! A request's body: whether it is taken at all, and its content, bounded in size, time and memory.

use super::in_flight::{Kind, Reservation};
use super::limits::Metered;
use super::session::Session;
use super::{Body, Platform, UploadLimits, form, media_type, urlencoded};
use crate::dialect::{Dialect, Forms, Object, Part};
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
    /// The parts of a form of either kind, and how many pixels a picture in it may have.
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

/// How a body is read.
enum Format {
    Json,
    Urlencoded,
    /// A form, the part of it that holds a picture, and how large that may be.
    Multipart(&'static str, UploadLimits),
}

impl Format {
    /// What it counts as, and its largest size in bytes.
    fn bounds(&self) -> (Kind, usize) {
        match self {
            Self::Json | Self::Urlencoded => (Kind::Json, JSON_LIMIT),
            Self::Multipart(_, limits) => (Kind::Upload, limits.bytes.saturating_add(form::OVERHEAD)),
        }
    }
}

/// The body, bounded in size, time and memory (contract R2, R3, R12).
pub async fn receive<'a, P: Platform>(
    forms: &Forms,
    session: &Session<'a, P>,
    body: P::Body,
) -> Result<Sent<'a>, Failure> {
    let platform = session.platform;
    let content_type = body.content_type()?;
    let length = body.length()?;
    is_plain(&body, length)?;
    let format = match forms.file {
        Some(file) if media_type::is_form(&content_type) => {
            session.meter.allow(Metered::Costly).await?;
            Format::Multipart(file, platform.upload_limits()?)
        }
        _ if forms.urlencoded && media_type::is_urlencoded(&content_type) => Format::Urlencoded,
        _ => Format::Json,
    };
    let (kind, limit) = format.bounds();
    if length.is_some_and(|length| length > limit) {
        return Err(too_large(&format, &content_type).into());
    }
    let caller = platform.known().resolve(session.actor.subject());
    let held = platform.in_flight().reserve(kind, caller, length.unwrap_or(limit), session.call.seconds())?;
    let bytes = body.bytes(limit).await;
    let content = match format {
        Format::Json => json_of(bytes, &content_type),
        Format::Urlencoded => form_of(bytes, |bytes| Ok(Content::Form(urlencoded::parse(&bytes)?, 0))),
        Format::Multipart(file, limits) => form_of(bytes, |bytes| {
            let boundary = media_type::boundary(&content_type).ok_or(Refusal::MalformedForm)?;
            Ok(Content::Form(form::parse(bytes, boundary, file, limits.bytes)?, limits.pixels))
        }),
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
fn too_large(format: &Format, content_type: &str) -> Refusal {
    let is_not_taken = matches!(format, Format::Json) && media_type::is_form(content_type);
    if is_not_taken { unsupported(content_type) } else { Refusal::TooLarge }
}

fn unsupported(content_type: &str) -> Refusal {
    Refusal::UnsupportedMediaType { given: content_type.to_owned() }
}

fn json_of(bytes: Result<Vec<u8>, Failure>, content_type: &str) -> Result<Content, Failure> {
    match bytes {
        Err(Failure::Refused(Refusal::TooLarge)) => Err(too_large(&Format::Json, content_type).into()),
        Ok(bytes) if !bytes.is_empty() && !media_type::is_json(content_type) => Err(unsupported(content_type).into()),
        bytes => bytes.map(Content::Json),
    }
}

fn form_of(
    bytes: Result<Vec<u8>, Failure>,
    parse: impl FnOnce(Vec<u8>) -> Result<Content, Refusal>,
) -> Result<Content, Failure> {
    let bytes = match bytes {
        Err(Failure::Refused(Refusal::Malformed)) => return Err(Refusal::MalformedForm.into()),
        bytes => bytes?,
    };
    // No body at all is an empty object, whatever its type (contract R2).
    if bytes.is_empty() {
        return Ok(Content::Json(bytes));
    }
    Ok(parse(bytes)?)
}
