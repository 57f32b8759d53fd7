//! The one flow that every update follows. The order of its checks (contract R1) is defined here and nowhere else. Each
//! step requires the result of the step before, so none can be skipped.

use super::limits::{Class, Limits, Meter, Metered};
use super::newcomers::Newcomers;
use super::origin::Origin;
use super::receive::{BodyHeaders, ReceivedBody};
use super::route::{Endpoint, METHOD, Matched, Right};
use super::session::Session;
use super::{Call, Newcomer, OriginalBody, Outcome, Platform, Reply};
use crate::auth::{self, BearerToken};
use crate::dialect::Dialect;
use crate::domain::text as rules;
use crate::domain::{Access, Actor, Change, Failure, Id, Record, Refusal, Rule, Target};
use crate::store::{self, Stored, Update, Updated, Upload};

/// The reason Perfil did not apply an update: it failed, or it is left to its origin.
enum NotApplied<B> {
    Failed(Failure),
    Newcomer(OriginalBody<B>, Origin),
}

impl<B, F: Into<Failure>> From<F> for NotApplied<B> {
    fn from(failure: F) -> Self {
        Self::Failed(failure.into())
    }
}

/// Replies to an update in its dialect, or leaves the update to its origin.
pub async fn handle<R: Stored, P: Platform>(
    matched: &Matched<'_, R>,
    call: &Call<'_>,
    platform: &P,
    body: P::Body,
) -> Outcome<P::Body> {
    let dialect = &matched.endpoint.dialect;
    let failure = |failure| match failure {
        Failure::Refused(refusal) => Reply::refused(&refusal, dialect.refuse),
        Failure::Fault(fault) => Reply::failed(fault, dialect.fail),
    };
    let actor = match authenticate(call, platform).await {
        Ok(actor) => actor,
        Err(Failure::Refused(_)) if !platform.limits().allow(Class::FailedAuth).await => {
            return Outcome::Reply(failure(Refusal::TooManyRequests.into()).with_framework(dialect.framework));
        }
        Err(reason) => return Outcome::Reply(failure(reason).with_framework(dialect.framework)),
    };
    let meter = Meter::new(platform.limits(), platform.known(), actor.subject());
    let session = Session { call, platform, actor, meter, pattern: matched.endpoint.pattern };
    let updated = update(matched, &session, body).await;
    // The outcome is decided, so a limit that is exceeded only now cannot refuse the update.
    let _ = session.meter.settle().await;
    let (caller, account) = (actor.subject(), session.account().map(Id::get));
    let reply = match updated {
        Ok(Updated { record, replaced, is_recorded }) => {
            // An account can only cause objects under its own prefix to be removed (contract M5).
            let replaced = replaced.filter(|key| session.account().is_some_and(|account| key.belongs_to(account)));
            Reply { replaced, is_recorded, ..Reply::ok((dialect.show)(&record)) }
        }
        Err(NotApplied::Failed(reason)) => failure(reason),
        Err(NotApplied::Newcomer(body, origin)) => {
            return Outcome::Newcomer(Newcomer { body, caller, account, origin });
        }
    };
    Outcome::Reply(Reply { caller: Some(caller), account, ..reply }.with_framework(dialect.framework))
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
) -> Result<Updated<R>, NotApplied<P::Body>> {
    let Endpoint { dialect, pattern, right } = endpoint;
    session.meter.allow(Metered::Update(pattern)).await?;
    let target = PathTarget::parse(dialect, *id)?;
    if session.call.method != METHOD {
        let method = session.call.method.to_owned();
        return Err(Refusal::MethodNotAllowed { method }.into());
    }
    let permission = (*right == Right::Permission).then_some(*pattern);
    let access = |target| Access { actor: session.actor, target, back_end: dialect.back_end, permission };
    let newcomers = Newcomers::new(dialect, session, access(target.target_or_own()))?;

    // Not returned yet: if the update is a newcomer's, the origin decides about the body.
    let headers = BodyHeaders::check(&dialect.forms, session, &body).await;
    if let Some(origin) = newcomers.origin()
        && newcomers.should_query_early(&headers)
        && newcomers.query::<R>().await?.is_some()
    {
        return Err(NotApplied::Newcomer(OriginalBody::Unread(body), origin.clone()));
    }
    let ReceivedBody { mut content, reservation } = headers?.read(session, body).await?;
    let read = target.combine_with(content.read(dialect, session.blocks_common_passwords())).map_err(Failure::from);
    let read = read.and_then(|(target, change)| Ok((target, session.admit(change)?)));
    let original = newcomers.origin().and_then(|origin| Some((content.into_bytes()?, origin)));
    let saved = match read {
        Ok((target, change)) => apply(&access(target), &change, session).await,
        Err(failure) => Err(newcomers.resolve_failure::<R>(failure).await),
    };
    // A picture stays in memory until this point.
    drop(reservation);
    match (saved, original) {
        (Err(Failure::Refused(refusal)), Some((bytes, origin))) if newcomers.is_newcomer_refusal(&refusal) => {
            Err(NotApplied::Newcomer(OriginalBody::Read(bytes), origin.clone()))
        }
        (saved, _) => Ok(saved?),
    }
}

async fn apply<R: Stored, P: Platform>(
    access: &Access,
    change: &R::Change,
    session: &Session<'_, P>,
) -> Result<Updated<R>, Failure> {
    let mut update = Update::new(access, change, session.trace());
    let saved = save(&mut update, session).await;
    session.learn(&update);
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
        // Hashing is slow on purpose, so it is done only for a caller who may change that password (contract S6).
        store::load(database, update).await?;
        session.learn(update);
        session.meter.settle().await?;
        update.hash = Some(auth::hash(password, platform.event_loop()).await?);
    }
    match update.change.upload() {
        None => store::update(database, update).await,
        Some(picture) => {
            let public_origin = public_origin(session.call, platform)?;
            let upload = Upload { picture, public_origin, owner: session.account() };
            store::upload(database, platform.bucket()?, update, upload).await
        }
    }
}

/// Returns the public origin: the configured one, or else that of the request's URL, if it may be written into a record
/// (contract M6).
fn public_origin<'a>(call: &Call<'a>, platform: &'a impl Platform) -> Result<&'a str, Failure> {
    match platform.public_origin()? {
        Some(origin) => Ok(origin),
        None => Ok(rules::origin(call.origin).ok_or_else(|| Refusal::invalid("Host", Rule::Url))?),
    }
}

/// The target that the path names, or the violation by its ID, which is reported together with the violations by the
/// body's fields (contract S2).
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

    /// Returns the target that the path names. It is the caller's own record if the path has no ID, or an invalid one.
    fn target_or_own(&self) -> Target {
        self.0.clone().unwrap_or(Target::Own)
    }

    fn combine_with<C>(self, change: Result<C, Refusal>) -> Result<(Target, C), Refusal> {
        match (self.0, change) {
            (Ok(target), Ok(change)) => Ok((target, change)),
            (Err(Refusal::Invalid(mut violations)), Err(Refusal::Invalid(more))) => {
                violations.extend(more);
                Err(Refusal::Invalid(violations))
            }
            (Ok(_), Err(refusal)) | (Err(refusal), _) => Err(refusal),
        }
    }
}
