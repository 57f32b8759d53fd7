//! From a request to a reply: the route table, and the one flow that every update takes.
//!
//! May import `domain`, `auth`, `dialect` and `store`. Must never know the platform: what only that can do, reading a
//! body for example, comes in through [`Platform`].

pub mod form;
mod health;
pub mod in_flight;
mod known;
mod limits;
pub mod media;
pub mod media_type;
mod receive;
mod route;
mod session;
mod update;
pub mod urlencoded;

use crate::auth::{EventLoop, KeyService, Keys};
use crate::dialect::{Answer, Framework, problem};
use crate::domain::{Failure, Fault, ObjectKey, Refusal, Subject};
use crate::store::{Batch, Bucket};

pub use crate::dialect::Part;
pub use health::Health;
pub use in_flight::{InFlight, seconds_for};
pub use known::KnownAccounts;
pub use limits::{Class, Limits, PERIOD as RATE_PERIOD};
pub use receive::JSON_LIMIT;
pub use route::{Endpoint, Matched, Right, Route, UPDATES, Update};

/// What of a request decides about it; the body is read later, if it comes to that.
pub struct Call<'a> {
    /// As sent: `PUT`, `GET`, …
    pub method: &'a str,
    /// `Authorization`
    pub authorization: Option<&'a str>,
    /// Scheme, host and port that the request was sent to, as the client has them.
    pub origin: &'a str,
    /// When it came in, in milliseconds of Unix time.
    pub now: i64,
}

impl Call<'_> {
    /// When it came in, in Unix seconds.
    pub fn seconds(&self) -> i64 {
        self.now.div_euclid(1000)
    }
}

/// What the platform hands in for one request. A part of it may be unusable: its fault is told when the part is needed,
/// not before.
pub trait Platform {
    /// Verifies public-key signatures, and fetches the keys.
    type KeyService: KeyService;
    /// Lets other requests run while a password is hashed.
    type EventLoop: EventLoop;
    /// The database.
    type Database: Batch;
    /// The bucket of the pictures.
    type Bucket: Bucket;
    /// The rate limits.
    type Limits: Limits;
    /// The request's body.
    type Body: Body;

    /// The keys that tokens are verified with.
    fn keys(&self) -> Result<&Keys, Fault>;

    /// What it takes to verify with the public ones.
    fn key_service(&self) -> &Self::KeyService;

    /// The thread that this request shares with others.
    fn event_loop(&self) -> &Self::EventLoop;

    /// The database of the accounts.
    fn database(&self) -> Result<&Self::Database, Fault>;

    /// The bucket of the pictures.
    fn bucket(&self) -> Result<&Self::Bucket, Fault>;

    /// What the instance knows of the database's health.
    fn health(&self) -> &Health;

    /// Which accounts the instance knows.
    fn known(&self) -> &KnownAccounts;

    /// How many bytes of bodies the instance's requests hold.
    fn in_flight(&self) -> &InFlight;

    /// How often a caller may send requests.
    fn limits(&self) -> &Self::Limits;

    /// What our own URLs begin with, where that is set (contract M6).
    fn public_origin(&self) -> Result<Option<&str>, Fault>;

    /// The largest picture that may be uploaded.
    fn upload_limits(&self) -> Result<UploadLimits, Fault>;
}

/// The largest picture that may be uploaded.
#[derive(Debug, Clone, Copy)]
pub struct UploadLimits {
    /// Of its file (contract R3).
    pub bytes: usize,
    /// By its header (contract M1).
    pub pixels: u32,
}

/// A request's body, which only the platform can read.
#[expect(async_fn_in_trait, reason = "the platform has one thread: no future has to be Send")]
pub trait Body {
    /// `Content-Type`; empty where there is none.
    fn content_type(&self) -> Result<String, Fault>;

    /// `Content-Encoding`
    fn content_encoding(&self) -> Result<Option<String>, Fault>;

    /// How long it says that it is, in bytes; 0 where there is none, and `None` where nothing is said.
    fn length(&self) -> Result<Option<usize>, Fault>;

    /// All of it, up to so many bytes, within [`in_flight::seconds_for`] them. [`Refusal::Malformed`] if the client
    /// breaks off.
    async fn bytes(self, limit: usize) -> Result<Vec<u8>, Failure>;
}

/// A reply, and what the log wants to know of how it came about.
#[derive(Debug)]
pub struct Reply {
    /// Status and body.
    pub answer: Answer,
    /// The body's media type.
    pub content_type: &'static str,
    /// `WWW-Authenticate`, with every 401 (contract A8).
    pub challenge: Option<&'static str>,
    /// `Allow`, with every 405 (contract R8).
    pub allow: Option<&'static str>,
    /// `Retry-After`, in seconds, with every 429 and 503.
    pub retry_after: Option<u32>,
    /// `Content-Range`, with every 416 (contract M4).
    pub content_range: Option<String>,
    /// Who called, once its token was verified.
    pub caller: Option<Subject>,
    /// The account that called, once that is known.
    pub account: Option<i64>,
    /// The refusal's stable code.
    pub code: Option<&'static str>,
    /// What failed on our side. For the log alone.
    pub fault: Option<Fault>,
    /// An object that no record may be showing any more: to be removed once the reply is out.
    pub leftover: Option<ObjectKey>,
}

const JSON: &str = "application/json";
/// What Express calls it.
const JSON_UTF_8: &str = "application/json; charset=utf-8";
/// When to try again what the platform was too slow for, in seconds.
pub const RETRY_AFTER: u32 = 5;

impl Reply {
    fn ok(body: String) -> Self {
        Self::json(Answer { status: 200, body })
    }

    fn json(answer: Answer) -> Self {
        Self {
            answer,
            content_type: JSON,
            challenge: None,
            allow: None,
            retry_after: None,
            content_range: None,
            caller: None,
            account: None,
            code: None,
            fault: None,
            leftover: None,
        }
    }

    /// A refusal in the words of whoever answers for it.
    pub fn refused(refusal: &Refusal, refuse: fn(&Refusal) -> Answer) -> Self {
        Self {
            challenge: challenge(refusal),
            allow: matches!(refusal, Refusal::MethodNotAllowed { .. }).then_some(route::METHOD),
            retry_after: matches!(refusal, Refusal::TooManyRequests).then_some(limits::PERIOD),
            code: Some(refusal.code()),
            ..Self::json(refuse(refusal))
        }
    }

    /// Our failure: 503 where it may pass.
    fn failed(fault: Fault, fail: fn(u16) -> Answer) -> Self {
        let passes = matches!(fault, Fault::Busy | Fault::Full | Fault::Late { .. } | Fault::KeySet(_));
        let answer = fail(if passes { 503 } else { 500 });
        Self { fault: Some(fault), retry_after: passes.then_some(RETRY_AFTER), ..Self::json(answer) }
    }

    /// The same, of the type that the original calls JSON (contract R10).
    fn from(self, framework: Framework) -> Self {
        let content_type = match framework {
            Framework::Express => JSON_UTF_8,
            Framework::Django => JSON,
        };
        Self { content_type, ..self }
    }

    fn problem(status: u16, title: &'static str) -> Self {
        Self { content_type: problem::MEDIA_TYPE, ..Self::json(problem::problem(status, title)) }
    }
}

/// RFC 6750 section 3: the scheme alone where no token was sent, the error where one was (contract A8).
fn challenge(refusal: &Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::NoToken => Some("Bearer"),
        Refusal::BadToken | Refusal::BadAuthorization | Refusal::AccountGone | Refusal::AccountInactive => {
            Some("Bearer error=\"invalid_token\"")
        }
        _ => None,
    }
}

/// Replies to a call.
pub async fn answer<P: Platform>(route: &Route<'_>, call: &Call<'_>, platform: &P, body: P::Body) -> Reply {
    match route {
        Route::Account(update) => {
            update::answer(update, call, platform, body).await.from(update.endpoint.dialect.framework)
        }
        Route::Persona(update) => {
            update::answer(update, call, platform, body).await.from(update.endpoint.dialect.framework)
        }
        Route::Health => health::answer(call, platform).await,
        Route::Unknown(Some(update)) => Reply::refused(&Refusal::NoRoute, update.refuse()).from(update.framework()),
        // A picture is not a reply of ours: edge streams it.
        Route::Media(_) | Route::Unknown(None) => media::not_found(),
    }
}

/// Answers for a call whose instance is gone.
pub fn failed(route: &Route<'_>, fault: Fault) -> Reply {
    let (fail, framework) = match route {
        Route::Account(Matched { endpoint, .. }) => (endpoint.dialect.fail, endpoint.dialect.framework),
        Route::Persona(Matched { endpoint, .. }) => (endpoint.dialect.fail, endpoint.dialect.framework),
        Route::Health => return health::unavailable(fault),
        Route::Media(_) | Route::Unknown(_) => return media::failed(fault),
    };
    Reply::failed(fault, fail).from(framework)
}
