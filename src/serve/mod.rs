//! From a request to a reply: the route table, and the one flow that every update follows.
//!
//! May import `domain`, `auth`, `dialect` and `store`. Must not depend on the platform: anything that only the platform
//! can do, such as reading a body, is provided through [`Platform`].

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

/// The head of a request: the parts that decide how it is handled. The body is read later, if at all.
pub struct Call<'a> {
    /// `X-Request-Id` of the reply.
    pub request_id: &'a str,
    /// The method, as sent: `PUT`, `GET`, …
    pub method: &'a str,
    /// `Authorization`
    pub authorization: Option<&'a str>,
    /// Scheme, host and port that the client sent the request to.
    pub origin: &'a str,
    /// When the request arrived, in milliseconds of Unix time.
    pub now: i64,
}

impl Call<'_> {
    /// Returns when the request arrived, in Unix seconds.
    pub fn seconds(&self) -> i64 {
        self.now.div_euclid(1000)
    }
}

/// Platform services and settings that one request depends on. If one of them is unusable, its method returns the
/// fault, so that only the requests that need it fail.
pub trait Platform {
    /// Verifies public-key signatures and fetches key sets.
    type KeyService: KeyService;
    /// Lets other requests run while a password is hashed.
    type EventLoop: EventLoop;
    /// The database of the accounts.
    type Database: Batch;
    /// The bucket of the pictures.
    type Bucket: Bucket;
    /// The rate limits.
    type Limits: Limits;
    /// The request's body.
    type Body: Body;

    /// Returns the keys that verify tokens.
    fn keys(&self) -> Result<&Keys, Fault>;

    /// Returns the service for verification with public keys.
    fn key_service(&self) -> &Self::KeyService;

    /// Returns the event loop that this request shares with others.
    fn event_loop(&self) -> &Self::EventLoop;

    /// Returns the maximum age of the authentication behind a sensitive change, in seconds; `None` if its age does not
    /// matter (contract A9).
    fn fresh_token_seconds(&self) -> Result<Option<u32>, Fault>;

    /// Returns whether common passwords are refused (contract S7).
    fn blocks_common_passwords(&self) -> Result<bool, Fault>;

    /// Returns the database of the accounts.
    fn database(&self) -> Result<&Self::Database, Fault>;

    /// Returns the bucket of the pictures.
    fn bucket(&self) -> Result<&Self::Bucket, Fault>;

    /// Returns the instance's latest knowledge of the database's health.
    fn health(&self) -> &Health;

    /// Returns the accounts that the instance knows.
    fn known(&self) -> &KnownAccounts;

    /// Returns the memory that the instance's requests have reserved for bodies.
    fn in_flight(&self) -> &InFlight;

    /// Returns the rate limits.
    fn limits(&self) -> &Self::Limits;

    /// Returns the rules for passing requests on to origins (contract X1).
    fn pass_through(&self) -> Result<&PassThrough, Fault>;

    /// Returns the public origin, the scheme, host and port of Perfil's own URLs, if it is configured (contract M6).
    fn public_origin(&self) -> Result<Option<&str>, Fault>;

    /// Returns the maximum size of an uploaded picture.
    fn upload_limits(&self) -> Result<UploadLimits, Fault>;
}

/// Maximum size of an uploaded picture.
#[derive(Debug, Clone, Copy)]
pub struct UploadLimits {
    /// Maximum size of its file, in bytes (contract R3).
    pub bytes: usize,
    /// Maximum number of pixels, according to its header (contract M1).
    pub pixels: u32,
}

/// A request's body, which only the platform can read.
#[expect(async_fn_in_trait, reason = "the platform is single-threaded: futures need not be Send")]
pub trait Body {
    /// Returns `Content-Type`, or an empty string if it is missing.
    fn content_type(&self) -> Result<String, Fault>;

    /// Returns `Content-Encoding`.
    fn content_encoding(&self) -> Result<Option<String>, Fault>;

    /// Returns the announced length in bytes: 0 if there is no body, and `None` if no length is announced.
    fn length(&self) -> Result<Option<usize>, Fault>;

    /// Reads the whole body, of at most `limit` bytes, within the time that [`in_flight::seconds_for`] allows. Returns
    /// [`Refusal::Malformed`] if the client disconnects before the end.
    async fn bytes(self, limit: usize) -> Result<Vec<u8>, Failure>;
}

/// The outcome of a request that Perfil handles.
pub enum Outcome<B> {
    /// Perfil's own reply.
    Reply(Reply),
    /// Only the origin knows the account. Nothing has been done yet (contract X2).
    Newcomer(Newcomer<B>),
}

/// A request from, or about, an account that only the origin knows.
pub struct Newcomer<B> {
    /// The request's body, to be sent on unchanged.
    pub body: OriginalBody<B>,
    /// The subject of the caller's token.
    pub caller: Subject,
    /// The caller's account, if Perfil has it.
    pub account: Option<i64>,
    /// The origin that the request goes to.
    pub origin: Origin,
}

/// A body that has not been processed.
pub enum OriginalBody<B> {
    /// A body of which no byte has been read.
    Unread(B),
    /// All bytes of a body that has been read.
    Read(Vec<u8>),
}

/// Handles a request: replies to it, or leaves it to an origin.
pub async fn handle<P: Platform>(route: &Route<'_>, call: &Call<'_>, platform: &P, body: P::Body) -> Outcome<P::Body> {
    let reply = match route {
        Route::Account(update) => return update::handle(update, call, platform, body).await,
        Route::Persona(update) => return update::handle(update, call, platform, body).await,
        Route::Health => health::handle(call, platform).await,
        Route::Unknown(Some(update)) => {
            Reply::refused(&Refusal::NoRoute, update.refuse()).with_framework(update.framework())
        }
        // Requests for pictures do not get here: edge streams the pictures.
        Route::Media(_) | Route::Unknown(None) => media::not_found(),
    };
    Outcome::Reply(reply)
}

/// Returns the reply to a request whose instance has crashed, or whose origin has failed.
pub fn failed(route: &Route<'_>, fault: Fault) -> Reply {
    let (fail, framework) = match route {
        Route::Account(Matched { endpoint, .. }) => (endpoint.dialect.fail, endpoint.dialect.framework),
        Route::Persona(Matched { endpoint, .. }) => (endpoint.dialect.fail, endpoint.dialect.framework),
        Route::Unknown(Some(update)) => (update.fail(), update.framework()),
        Route::Health => return health::unavailable(fault),
        Route::Media(_) | Route::Unknown(None) => return media::failed(fault),
    };
    Reply::failed(fault, fail).with_framework(framework)
}
