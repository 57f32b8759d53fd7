//! The one flow that every update takes. The order of its checks (contract R1) is written here and nowhere else:
//! each step takes what the step before has made, so that none can be left out.

use super::limits::{Class, Limits};
use super::route::{Endpoint, METHOD};
use super::{Body, Call, Reply, Services, media_type};
use crate::auth::{self, BearerToken, Keys, Platform};
use crate::dialect::{Dialect, Object};
use crate::domain::{Access, Actor, Change, Failure, Fault, Record, Refusal, Target};
use crate::store::{self, Batch, Bucket, Prepared, Stored, Updated};

/// The largest JSON body, in bytes (contract R3).
const JSON_LIMIT: usize = 64 * 1024;

/// Answers an update in its dialect.
pub async fn answer<R: Stored>(
    endpoint: &Endpoint<R>,
    id: Option<&str>,
    call: &Call<'_>,
    services: Services<'_, impl Platform, impl Batch, impl Bucket, impl Limits>,
    body: impl Body,
) -> Reply {
    let dialect = &endpoint.dialect;
    let failure = |failure| match failure {
        Failure::Refused(refusal) => Reply::refused(&refusal, dialect.refuse),
        Failure::Broken(fault) => Reply::failed(fault, dialect.fail),
    };
    let actor = match authenticate(call, &services.keys, services.platform).await {
        Ok(actor) => actor,
        Err(Failure::Refused(_)) if !services.limits.allow(Class::FailedAuth).await => {
            return failure(Refusal::TooManyRequests.into());
        }
        Err(reason) => return failure(reason),
    };
    let reply = match update(endpoint, actor, id, call, services, body).await {
        Ok(Updated { record, replaced }) => {
            // Another account's object is not this one's to have removed (contract M5).
            let leftover = replaced.filter(|key| key.belongs_to(actor.account()));
            Reply { leftover, ..Reply::ok((dialect.show)(&record)) }
        }
        Err(reason) => failure(reason),
    };
    let account = Some(actor.account().get());
    Reply { account, ..reply }
}

async fn authenticate(
    call: &Call<'_>,
    keys: &Result<&Keys, Fault>,
    platform: &impl Platform,
) -> Result<Actor, Failure> {
    let keys = keys.as_ref().map_err(Clone::clone)?;
    let token = BearerToken::parse(call.authorization)?;
    keys.verify(token, call.now, platform).await
}

async fn update<R: Stored>(
    endpoint: &Endpoint<R>,
    actor: Actor,
    id: Option<&str>,
    call: &Call<'_>,
    services: Services<'_, impl Platform, impl Batch, impl Bucket, impl Limits>,
    body: impl Body,
) -> Result<Updated<R>, Failure> {
    let dialect = &endpoint.dialect;
    let limits = services.limits;
    allowed(limits, Class::Update(actor, endpoint.pattern)).await?;
    let target = Named::parse(dialect, id)?;
    if call.method != METHOD {
        let method = call.method.to_owned();
        return Err(Refusal::MethodNotAllowed { method }.into());
    }
    let given = body.content_type()?;
    let form = dialect.file.filter(|_| media_type::is_form(&given));
    let change = match form {
        Some(file) => {
            allowed(limits, Class::Costly(actor)).await?;
            read_form(dialect, body, file, services.upload_limit?).await?
        }
        None => Object::parse(&json_body(&given, body).await?).and_then(dialect.read),
    };
    let (target, change) = target.with(change)?;

    let permission = endpoint.needs_permission.then_some(endpoint.pattern);
    let access = Access { actor, target, permission };
    let database = services.database?;
    let mut prepared = Prepared::default();
    if let Some(password) = change.password() {
        allowed(limits, Class::Costly(actor)).await?;
        // Hashing is slow on purpose: nobody makes us do it who may not change that password (contract S6).
        store::load::<R>(database, &access, &change).await?;
        prepared.hash = Some(auth::hash(password)?);
    }
    match change.upload() {
        None => store::update(database, &access, &change, &prepared).await,
        Some(picture) => {
            let bucket = services.bucket?;
            store::upload(database, bucket, &access, &change, picture, prepared, call.origin).await
        }
    }
}

async fn allowed(limits: &impl Limits, class: Class<'_>) -> Result<(), Refusal> {
    if limits.allow(class).await { Ok(()) } else { Err(Refusal::TooManyRequests) }
}

/// The change that a form asks for; refused as a whole, or for its fields' faults.
async fn read_form<R: Record>(
    dialect: &Dialect<R>,
    body: impl Body,
    file: &str,
    limit: usize,
) -> Result<Result<R::Change, Refusal>, Failure> {
    let parts = body.form(file, limit).await?;
    Ok(parts.map_or_else(|| Ok(Object::default()), Object::from_form).and_then(dialect.read))
}

/// The bytes of a JSON body; none where none was sent (contract R2, R3).
async fn json_body(given: &str, body: impl Body) -> Result<Vec<u8>, Failure> {
    let unsupported = || Refusal::UnsupportedMediaType { given: given.to_owned() };
    let body = match body.bytes(JSON_LIMIT).await {
        // A form is no JSON body, so JSON's limit is not what it fails for.
        Err(Failure::Refused(Refusal::TooLarge)) if media_type::is_form(given) => return Err(unsupported().into()),
        read => read?,
    };
    if !body.is_empty() && !media_type::is_json(given) {
        return Err(unsupported().into());
    }
    Ok(body)
}

/// What the path names, or the fault that its id is: a field's fault like the body's, told together with them
/// (contract S2).
struct Named(Result<Target, Refusal>);

impl Named {
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
