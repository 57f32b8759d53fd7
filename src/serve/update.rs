//! The one flow that every update takes. The order of its checks (contract R1) is written here and nowhere else:
//! each step takes what the step before has made, so that none can be left out.

use super::in_flight::{Kind, Reservation};
use super::limits::{Class, Limits};
use super::route::{Endpoint, METHOD, Matched};
use super::{Body, Call, Platform, Reply, UploadLimits, form, media_type};
use crate::auth::{self, BearerToken};
use crate::dialect::{Dialect, Object, Part};
use crate::domain::text as rules;
use crate::domain::{Access, Actor, Change, Failure, Record, Refusal, Rule, Target};
use crate::store::{self, Stored, Update, Updated, Upload};

/// The largest JSON body, in bytes (contract R3).
const JSON_LIMIT: usize = 64 * 1024;

/// Replies to an update in its dialect.
pub async fn answer<R: Stored, P: Platform>(
    matched: &Matched<'_, R>,
    call: &Call<'_>,
    platform: &P,
    body: P::Body,
) -> Reply {
    let dialect = &matched.endpoint.dialect;
    let failure = |failure| match failure {
        Failure::Refused(refusal) => Reply::refused(&refusal, dialect.refuse),
        Failure::Broken(fault) => Reply::failed(fault, dialect.fail),
    };
    let actor = match authenticate(call, platform).await {
        Ok(actor) => actor,
        Err(Failure::Refused(_)) if !platform.limits().allow(Class::FailedAuth).await => {
            return failure(Refusal::TooManyRequests.into());
        }
        Err(reason) => return failure(reason),
    };
    let reply = match update(matched, actor, call, platform, body).await {
        Ok(Updated { record, replaced }) => {
            // An account may have objects removed only under its own prefix (contract M5).
            let leftover = replaced.filter(|key| key.belongs_to(actor.account()));
            Reply { leftover, ..Reply::ok((dialect.show)(&record)) }
        }
        Err(reason) => failure(reason),
    };
    let account = Some(actor.account().get());
    Reply { account, ..reply }
}

async fn authenticate(call: &Call<'_>, platform: &impl Platform) -> Result<Actor, Failure> {
    let keys = platform.keys()?;
    let token = BearerToken::parse(call.authorization)?;
    keys.verify(token, call.seconds(), platform.key_service()).await
}

async fn update<R: Stored, P: Platform>(
    Matched { endpoint, id }: &Matched<'_, R>,
    actor: Actor,
    call: &Call<'_>,
    platform: &P,
    body: P::Body,
) -> Result<Updated<R>, Failure> {
    let Endpoint { dialect, pattern, needs_permission } = endpoint;
    let limits = platform.limits();
    allowed(limits, Class::Update(actor, pattern)).await?;
    let target = PathTarget::parse(dialect, *id)?;
    if call.method != METHOD {
        let method = call.method.to_owned();
        return Err(Refusal::MethodNotAllowed { method }.into());
    }
    let Sent { content, held } = receive(dialect, actor, call, platform, body).await?;
    let (target, change) = target.with(content.read(dialect))?;

    let access = Access { actor, target, permission: needs_permission.then_some(*pattern) };
    let mut update = Update::new(&access, &change);
    let database = platform.database()?;
    if let Some(password) = change.password() {
        allowed(limits, Class::Costly(actor)).await?;
        // Hashing is slow on purpose: only a caller who may change that password can make us do it (contract S6).
        store::load(database, &update).await?;
        update.hash = Some(auth::hash(password, platform.event_loop()).await?);
    }
    let updated = match change.upload() {
        None => store::update(database, &update).await,
        Some(picture) => {
            let upload = Upload { picture, origin: origin(call, platform)? };
            store::upload(database, platform.bucket()?, update, upload).await
        }
    };
    // The picture is held until here.
    drop(held);
    updated
}

/// What our own URLs begin with: as it is set, or else as the client has it, if that can stand in a record (contract
/// M6).
fn origin<'a>(call: &Call<'a>, platform: &'a impl Platform) -> Result<&'a str, Failure> {
    match platform.public_origin()? {
        Some(origin) => Ok(origin),
        None => Ok(rules::origin(call.origin).ok_or_else(|| Refusal::invalid("Host", Rule::Url))?),
    }
}

async fn allowed(limits: &impl Limits, class: Class<'_>) -> Result<(), Refusal> {
    if limits.allow(class).await { Ok(()) } else { Err(Refusal::TooManyRequests) }
}

/// A body as it was sent, and what it holds of the instance's memory.
struct Sent<'a> {
    content: Content,
    held: Reservation<'a>,
}

enum Content {
    /// Empty where nothing was sent.
    Json(Vec<u8>),
    /// Its parts, and how many pixels a picture in it may have.
    Form(Vec<(String, Part)>, u32),
}

impl Content {
    /// The change that it asks for.
    fn read<R: Record>(self, dialect: &Dialect<R>) -> Result<R::Change, Refusal> {
        match self {
            Self::Json(bytes) => Object::parse(&bytes).and_then(dialect.read),
            Self::Form(parts, pixels) => Object::from_form(parts, pixels).and_then(dialect.read),
        }
    }
}

/// The body, bounded in size, time and memory (contract R2, R3, R12).
async fn receive<'a, R: Record, P: Platform>(
    dialect: &Dialect<R>,
    actor: Actor,
    call: &Call<'_>,
    platform: &'a P,
    body: P::Body,
) -> Result<Sent<'a>, Failure> {
    let content_type = body.content_type()?;
    let length = body.length()?;
    is_plain(&body, length)?;
    let form = match dialect.file.filter(|_| media_type::is_form(&content_type)) {
        None => None,
        Some(file) => {
            allowed(platform.limits(), Class::Costly(actor)).await?;
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
    let held = platform.in_flight().reserve(kind, actor.account(), length.unwrap_or(limit), call.seconds())?;
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

/// What the path names, or what is wrong with its id. That is a field's fault like the body's, and told together with
/// them (contract S2).
struct PathTarget(Result<Target, Refusal>);

impl PathTarget {
    fn parse<R: Record>(dialect: &Dialect<R>, id: Option<&str>) -> Result<Self, Refusal> {
        match id.map(dialect.target) {
            None => Ok(Self(Ok(Target::Own))),
            Some(Ok(id)) => Ok(Self(Ok(Target::Named(id)))),
            Some(Err(refusal @ Refusal::Invalid(_))) => Ok(Self(Err(refusal))),
            Some(Err(refusal)) => Err(refusal),
        }
    }

    fn with<C>(self, change: Result<C, Refusal>) -> Result<(Target, C), Refusal> {
        match (self.0, change) {
            (Ok(target), Ok(change)) => Ok((target, change)),
            (Err(Refusal::Invalid(mut faults)), Err(Refusal::Invalid(more))) => {
                faults.extend(more);
                Err(Refusal::Invalid(faults))
            }
            (Ok(_), Err(refusal)) | (Err(refusal), _) => Err(refusal),
        }
    }
}
