//! The one flow that every update takes. The order of its checks (contract R1) is written here and nowhere else:
//! each step takes what the step before has made, so that none can be left out.

use super::limits::{Class, Limits, Meter, Metered};
use super::receive::{Sent, receive};
use super::route::{Endpoint, METHOD, Matched, Right};
use super::session::Session;
use super::{Call, Platform, Reply};
use crate::auth::{self, BearerToken};
use crate::dialect::Dialect;
use crate::domain::text as rules;
use crate::domain::{Access, Actor, Change, Failure, Id, Record, Refusal, Rule, Target};
use crate::store::{self, Stored, Update, Updated, Upload};

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
    let meter = Meter::new(platform.limits(), platform.known(), actor.subject());
    let session = Session { call, platform, actor, meter };
    let reply = match update(matched, &session, body).await {
        Ok(Updated { record, replaced }) => {
            // An account may have objects removed only under its own prefix (contract M5).
            let leftover = replaced.filter(|key| session.account().is_some_and(|account| key.belongs_to(account)));
            Reply { leftover, ..Reply::ok((dialect.show)(&record)) }
        }
        Err(reason) => failure(reason),
    };
    // What was done cannot be refused any more.
    let _ = session.meter.settle().await;
    Reply { caller: Some(actor.subject()), account: session.account().map(Id::get), ..reply }
}

async fn authenticate(call: &Call<'_>, platform: &impl Platform) -> Result<Actor, Failure> {
    let keys = platform.keys()?;
    let token = BearerToken::parse(call.authorization)?;
    keys.verify(token, call.seconds(), platform.key_service()).await
}

async fn update<R: Stored, P: Platform>(
    Matched { endpoint, id }: &Matched<'_, R>,
    session: &Session<'_, P>,
    body: P::Body,
) -> Result<Updated<R>, Failure> {
    let Endpoint { dialect, pattern, right } = endpoint;
    session.meter.allow(Metered::Update(pattern)).await?;
    let target = PathTarget::parse(dialect, *id)?;
    if session.call.method != METHOD {
        let method = session.call.method.to_owned();
        return Err(Refusal::MethodNotAllowed { method }.into());
    }
    let Sent { content, held } = receive(&dialect.forms, session, body).await?;
    let (target, change) = target.with(content.read(dialect))?;

    let permission = (*right == Right::Permission).then_some(*pattern);
    let access = Access { actor: session.actor, target, back_end: dialect.back_end, permission };
    let mut update = Update::new(&access, &change);
    let saved = save(&mut update, session).await;
    session.learn(&update);
    // The picture is held until here.
    drop(held);
    saved
}

async fn save<R: Stored, P: Platform>(
    update: &mut Update<'_, R>,
    session: &Session<'_, P>,
) -> Result<Updated<R>, Failure> {
    let platform = session.platform;
    let database = platform.database()?;
    if let Some(password) = update.change.password() {
        session.meter.allow(Metered::Costly).await?;
        // Hashing is slow on purpose: only a caller who may change that password can make us do it (contract S6).
        store::load(database, update).await?;
        session.learn(update);
        session.meter.settle().await?;
        update.hash = Some(auth::hash(password, platform.event_loop()).await?);
    }
    match update.change.upload() {
        None => store::update(database, update).await,
        Some(picture) => {
            let origin = origin(session.call, platform)?;
            let upload = Upload { picture, origin, owner: session.account() };
            store::upload(database, platform.bucket()?, update, upload).await
        }
    }
}

/// What our own URLs begin with: as it is set, or else as the client has it, if that can stand in a record (contract
/// M6).
fn origin<'a>(call: &Call<'a>, platform: &'a impl Platform) -> Result<&'a str, Failure> {
    match platform.public_origin()? {
        Some(origin) => Ok(origin),
        None => Ok(rules::origin(call.origin).ok_or_else(|| Refusal::invalid("Host", Rule::Url))?),
    }
}

/// What the path names, or what is wrong with its id. That is a field's fault like the body's, and told together with
/// them (contract S2).
struct PathTarget(Result<Target, Refusal>);

impl PathTarget {
    fn parse<R: Record>(dialect: &Dialect<R>, id: Option<&str>) -> Result<Self, Refusal> {
        match (dialect.target, id) {
            (None, None) => Ok(Self(Ok(Target::Own))),
            (Some(parse), Some(id)) => match parse(id) {
                Ok(id) => Ok(Self(Ok(Target::Named(id)))),
                Err(refusal @ Refusal::Invalid(_)) => Ok(Self(Err(refusal))),
                Err(refusal) => Err(refusal),
            },
            // The route table does not compile with such a row.
            (None, Some(_)) | (Some(_), None) => Err(Refusal::NoRoute),
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
