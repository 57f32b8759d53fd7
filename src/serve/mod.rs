//! From a request to a reply: the route table, and the one flow that every update takes.
//!
//! May import `domain`, `auth`, `dialect` and `store`. Must never know the platform: what only that can do, reading a
//! body for example, comes in through [`Platform`].

pub mod feed;
pub mod form;
mod health;
pub mod in_flight;
mod known;
mod limits;
pub mod media;
pub mod media_type;
mod newcomers;
pub mod origin;
mod receive;
mod reply;
mod route;
mod session;
mod update;
pub mod urlencoded;
mod urls;

use crate::auth::{EventLoop, KeyService, Keys};
use crate::domain::{Failure, Fault, Refusal, Subject};
use crate::store::{Batch, Bucket};
use origin::{Origin, PassThrough};

pub use crate::dialect::Part;
pub use health::Health;
pub use in_flight::{InFlight, seconds_for};
pub use known::KnownAccounts;
pub use limits::{Class, Limits, PERIOD as RATE_PERIOD};
pub use receive::JSON_LIMIT;
pub use reply::{RETRY_AFTER, Reply};
pub use route::{Endpoint, Matched, Right, Route, UPDATES, Update};
pub use urls::Urls;

/// What of a request decides about it; the body is read later, if it comes to that.
pub struct Call<'a> {
    /// `X-Request-Id` of the reply.
    pub request_id: &'a str,
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

/// What the platform hands in for one request. If a part of it is unusable, its fault is returned when it is needed.
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

    /// How long ago a person may have authenticated to make a sensitive change, in seconds; `None` if that does not
    /// matter (contract A9).
    fn fresh_token_seconds(&self) -> Result<Option<u32>, Fault>;

    /// Whether common passwords are refused (contract S7).
    fn blocks_common_passwords(&self) -> Result<bool, Fault>;

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

    /// What is passed on to origins (contract X1).
    fn pass_through(&self) -> Result<&PassThrough, Fault>;

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

/// What becomes of a call that Perfil handles.
pub enum Outcome<B> {
    /// A reply of ours.
    Reply(Reply),
    /// Its origin knows the account, and Perfil does not: nothing was done yet (contract X2).
    Newcomer(Newcomer<B>),
}

/// A request of somebody whom the origin alone knows, or about such a person.
pub struct Newcomer<B> {
    /// The request's body, to be sent on as it came.
    pub body: Untouched<B>,
    /// Who calls.
    pub caller: Subject,
    /// The account that calls, if it is here.
    pub account: Option<i64>,
    /// Where it goes.
    pub origin: Origin,
}

/// A body that nothing was done with.
pub enum Untouched<B> {
    /// Not a byte was read.
    Unread(B),
    /// All of its bytes.
    Read(Vec<u8>),
}

/// Replies to a call.
pub async fn answer<P: Platform>(route: &Route<'_>, call: &Call<'_>, platform: &P, body: P::Body) -> Outcome<P::Body> {
    let reply = match route {
        Route::Account(update) => return update::answer(update, call, platform, body).await,
        Route::Persona(update) => return update::answer(update, call, platform, body).await,
        Route::Health => health::answer(call, platform).await,
        Route::Unknown(Some(update)) => Reply::refused(&Refusal::NoRoute, update.refuse()).from(update.framework()),
        // A picture is not a reply of ours: edge streams it.
        Route::Media(_) | Route::Unknown(None) => media::not_found(),
    };
    Outcome::Reply(reply)
}

/// The reply to a call whose instance is gone, or whose origin has failed.
pub fn failed(route: &Route<'_>, fault: Fault) -> Reply {
    let (fail, framework) = match route {
        Route::Account(Matched { endpoint, .. }) => (endpoint.dialect.fail, endpoint.dialect.framework),
        Route::Persona(Matched { endpoint, .. }) => (endpoint.dialect.fail, endpoint.dialect.framework),
        Route::Unknown(Some(update)) => (update.fail(), update.framework()),
        Route::Health => return health::unavailable(fault),
        Route::Media(_) | Route::Unknown(None) => return media::failed(fault),
    };
    Reply::failed(fault, fail).from(framework)
}
