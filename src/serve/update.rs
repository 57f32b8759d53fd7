//! The one flow that every update takes. The order of its checks (contract R1) is written here and nowhere else:
//! each step takes what the step before has made, so that none can be left out.

use super::limits::{Class, Limits};
use super::route::{Endpoint, METHOD, Matched};
use super::{Body, Call, Platform, Reply, media_type};
use crate::auth::{self, BearerToken};
use crate::dialect::{Dialect, Object, Part};
use crate::domain::{Access, Actor, Change, Failure, Record, Refusal, Target};
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
    keys.verify(token, call.now, platform.key_service()).await
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
    let sent = receive(dialect, actor, platform, body).await?;
    let (target, change) = target.with(sent.read(dialect))?;

    let access = Access { actor, target, permission: needs_permission.then_some(*pattern) };
    let mut update = Update::new(&access, &change);
    let database = platform.database()?;
    if let Some(password) = change.password() {
        allowed(limits, Class::Costly(actor)).await?;
        // Hashing is slow on purpose: only a caller who may change that password can make us do it (contract S6).
        store::load(database, &update).await?;
        update.hash = Some(auth::hash(password, platform.event_loop()).await?);
    }
    match change.upload() {
        None => store::update(database, &update).await,
        Some(picture) => {
            let upload = Upload { picture, origin: call.origin };
            store::upload(database, platform.bucket()?, update, upload).await
        }
    }
}

async fn allowed(limits: &impl Limits, class: Class<'_>) -> Result<(), Refusal> {
    if limits.allow(class).await { Ok(()) } else { Err(Refusal::TooManyRequests) }
}

/// A body as it was sent.
enum Sent {
    /// Empty where none was sent.
    Json(Vec<u8>),
    /// `None` where none was sent.
    Form(Option<Vec<(String, Part)>>),
}

impl Sent {
    /// The change that it asks for.
    fn read<R: Record>(self, dialect: &Dialect<R>) -> Result<R::Change, Refusal> {
        match self {
            Self::Json(bytes) => Object::parse(&bytes).and_then(dialect.read),
            Self::Form(None) => (dialect.read)(Object::default()),
            Self::Form(Some(parts)) => Object::from_form(parts).and_then(dialect.read),
        }
    }
}

/// The body, bounded (contract R2, R3). A form counts as costly before it is read.
async fn receive<R: Record, P: Platform>(
    dialect: &Dialect<R>,
    actor: Actor,
    platform: &P,
    body: P::Body,
) -> Result<Sent, Failure> {
    let content_type = body.content_type()?;
    match dialect.file.filter(|_| media_type::is_form(&content_type)) {
        Some(file) => {
            allowed(platform.limits(), Class::Costly(actor)).await?;
            Ok(Sent::Form(body.form(file, platform.upload_limit()?).await?))
        }
        None => json_body(&content_type, body).await.map(Sent::Json),
    }
}

/// The bytes of a JSON body; none where none was sent.
async fn json_body(content_type: &str, body: impl Body) -> Result<Vec<u8>, Failure> {
    let unsupported = || Refusal::UnsupportedMediaType { given: content_type.to_owned() };
    let body = match body.bytes(JSON_LIMIT).await {
        // JSON's limit does not apply to a form: its type is what is wrong with it.
        Err(Failure::Refused(Refusal::TooLarge)) if media_type::is_form(content_type) => {
            return Err(unsupported().into());
        }
        read => read?,
    };
    if !body.is_empty() && !media_type::is_json(content_type) {
        return Err(unsupported().into());
    }
    Ok(body)
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
