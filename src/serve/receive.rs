//! Decides whether a request's body is accepted, and reads it within limits on size, time and memory.

use super::in_flight::{Kind, Reservation};
use super::limits::Metered;
use super::session::Session;
use super::{Body, Platform, UploadLimits, form, media_type, urlencoded};
use crate::dialect::{Dialect, Forms, Object, Part};
use crate::domain::{Failure, Record, Refusal};
use std::mem;

/// Maximum size of a JSON body or a URL-encoded form, in bytes (contract R3).
pub const JSON_LIMIT: usize = 64 * 1024;

/// A body that has been read, and its reservation of the instance's memory.
pub struct ReceivedBody<'a> {
    /// The body's content.
    pub content: Content,
    /// The reservation, to be released when the request is done.
    pub reservation: Reservation<'a>,
}

/// A body's content.
pub enum Content {
    /// JSON; empty if nothing was sent.
    Json(Vec<u8>),
    /// A URL-encoded form. All of its fields are strings.
    Urlencoded(Vec<u8>),
    /// The parts of a form that may contain a picture, and the maximum number of its pixels.
    Form(Vec<(String, Part)>, u32),
}

impl Content {
    /// Parses the change that the body requests. The parts of a form are moved out of the content.
    pub fn read<R: Record>(&mut self, dialect: &Dialect<R>, blocks: bool) -> Result<R::Change, Refusal> {
        let form = |parts, pixels| Object::from_form(parts, &dialect.forms, pixels);
        let object = match self {
            Self::Json(bytes) => Object::parse(bytes),
            Self::Urlencoded(bytes) => form(urlencoded::parse(bytes)?, 0),
            Self::Form(parts, pixels) => form(mem::take(parts), *pixels),
        };
        (dialect.read)(object?.blocking_common_passwords(blocks))
    }

    /// Returns the body as it was sent; `None` for a multipart form, of which only the parts are left.
    pub fn into_bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Json(bytes) | Self::Urlencoded(bytes) => Some(bytes),
            Self::Form(..) => None,
        }
    }
}

/// The format of a body.
enum Format {
    Json,
    Urlencoded,
    /// A form, with the name of the part that contains a picture, and the maximum size of that picture.
    Multipart(&'static str, UploadLimits),
}

impl Format {
    /// Returns the kind of body that its memory counts as, and its maximum size in bytes.
    fn bounds(&self) -> (Kind, usize) {
        match self {
            Self::Json | Self::Urlencoded => (Kind::Json, JSON_LIMIT),
            Self::Multipart(_, limits) => (Kind::Upload, limits.bytes.saturating_add(form::OVERHEAD)),
        }
    }
}

/// A body whose headers have been checked, and of which nothing has been read yet.
pub struct BodyHeaders {
    format: Format,
    content_type: String,
    length: Option<usize>,
}

impl BodyHeaders {
    /// Checks a body's headers (contract R2, R3, R15).
    pub async fn check<P: Platform>(forms: &Forms, session: &Session<'_, P>, body: &P::Body) -> Result<Self, Failure> {
        let content_type = body.content_type()?;
        let length = body.length()?;
        check_encoding(body, length)?;
        let format = match forms.file {
            Some(file) if media_type::is_form(&content_type) => {
                session.meter.allow(Metered::Costly).await?;
                Format::Multipart(file, session.platform.upload_limits()?)
            }
            _ if forms.urlencoded && media_type::is_urlencoded(&content_type) => Format::Urlencoded,
            _ => Format::Json,
        };
        let (_, limit) = format.bounds();
        if length.is_some_and(|length| length > limit) {
            return Err(too_large(&format, &content_type).into());
        }
        if matches!(format, Format::Json) && length.is_some_and(|length| length > 0) {
            check_json_type(&content_type)?;
        }
        Ok(Self { format, content_type, length })
    }

    /// Returns whether the body is a multipart form, or has no announced length.
    pub fn may_be_long(&self) -> bool {
        matches!(self.format, Format::Multipart(..)) || self.length.is_none()
    }

    /// Reads the body within limits on size, time and memory (contract R3, R12).
    pub async fn read<'a, P: Platform>(
        self,
        session: &Session<'a, P>,
        body: P::Body,
    ) -> Result<ReceivedBody<'a>, Failure> {
        let Self { format, content_type, length } = self;
        let platform = session.platform;
        let (kind, limit) = format.bounds();
        let caller = platform.known().resolve(session.actor.subject());
        let reservation =
            platform.in_flight().reserve(kind, caller, length.unwrap_or(limit), session.call.seconds())?;
        let bytes = body.bytes(limit).await;
        let content = match format {
            Format::Json => read_json(bytes, &content_type),
            Format::Urlencoded => read_form(bytes, |bytes| Ok(Content::Urlencoded(bytes))),
            Format::Multipart(file, limits) => read_form(bytes, |bytes| {
                let boundary = media_type::boundary(&content_type).ok_or(Refusal::MalformedForm)?;
                Ok(Content::Form(form::parse(bytes, boundary, file, limits.bytes)?, limits.pixels))
            }),
        };
        Ok(ReceivedBody { content: content?, reservation })
    }
}

/// Checks that a body is not encoded, because the worker does not decode such bodies (contract R15).
fn check_encoding(body: &impl Body, length: Option<usize>) -> Result<(), Failure> {
    match body.content_encoding()? {
        Some(encoding) if length != Some(0) && !encoding.trim().eq_ignore_ascii_case("identity") => {
            Err(Refusal::UnsupportedMediaType { given: encoding }.into())
        }
        _ => Ok(()),
    }
}

/// Returns the refusal of a body that exceeds the limit. A multipart form that the endpoint does not accept is refused
/// for its type, because the limit for JSON does not apply to it.
fn too_large(format: &Format, content_type: &str) -> Refusal {
    let is_unsupported_form = matches!(format, Format::Json) && media_type::is_form(content_type);
    if is_unsupported_form { unsupported(content_type) } else { Refusal::TooLarge }
}

fn unsupported(content_type: &str) -> Refusal {
    Refusal::UnsupportedMediaType { given: content_type.to_owned() }
}

fn read_json(bytes: Result<Vec<u8>, Failure>, content_type: &str) -> Result<Content, Failure> {
    match bytes {
        Err(Failure::Refused(Refusal::TooLarge)) => Err(too_large(&Format::Json, content_type).into()),
        // If no length was announced, the content type has not been checked yet.
        Ok(bytes) if !bytes.is_empty() => {
            check_json_type(content_type)?;
            Ok(Content::Json(bytes))
        }
        bytes => bytes.map(Content::Json),
    }
}

fn check_json_type(content_type: &str) -> Result<(), Refusal> {
    if media_type::is_json(content_type) { Ok(()) } else { Err(unsupported(content_type)) }
}

fn read_form(
    bytes: Result<Vec<u8>, Failure>,
    parse: impl FnOnce(Vec<u8>) -> Result<Content, Refusal>,
) -> Result<Content, Failure> {
    let bytes = match bytes {
        Err(Failure::Refused(Refusal::Malformed)) => return Err(Refusal::MalformedForm.into()),
        bytes => bytes?,
    };
    // An empty body counts as an empty object, whatever its content type (contract R2).
    if bytes.is_empty() {
        return Ok(Content::Json(bytes));
    }
    Ok(parse(bytes)?)
}
