//! Authentication of callers, hashing of new passwords, and signing of the change feed's posts.
//!
//! May import `domain`; may use the crates jwt-compact, base64ct, bcrypt, blowfish, getrandom, serde and serde_json.
//! Must not read the clock directly (the time is an argument, or comes from [`EventLoop`]), know the platform (callers
//! pass in its services), or log or show a token, a secret or a password.

mod access_claims;
mod claim;
mod jwk;
mod key_set;
mod keys;
mod password;
mod remote;
mod rounds;
mod secrets;
mod subject;
mod token;
mod turns;
mod webhook;

pub use jwk::{Algorithm, PublicKey};
pub use keys::{Keys, Settings};
pub use password::hash;
pub use remote::MAX_BYTES as MAX_KEY_SET_BYTES;
pub use rounds::Rounds;
pub use secrets::{SIGNERS, Secret, secret_settings};
pub use subject::Signer;
pub use token::{BearerToken, MAX_TOKEN_BYTES};
pub use turns::{DEADLINE as HASHING_DEADLINE, Turn, Turns};
pub use webhook::{WebhookSecret, webhook_secret_setting};

/// Platform services for tokens that are signed with a private key: verifying their signatures and fetching the public
/// keys.
#[expect(async_fn_in_trait, reason = "the platform is single-threaded: futures need not be Send")]
pub trait KeyService {
    /// Returns whether the owner of the key signed these bytes with the one algorithm that the key is for.
    async fn verify(&self, key: &PublicKey, signed: &[u8], signature: &[u8]) -> bool;

    /// Starts to fetch the key set, and passes the result to [`Keys::receive`] even if this request ends first.
    fn fetch(&self, url: &str);

    /// Lets other requests run for a moment. The platform does not allow one request to await what another one started,
    /// so a request that waits for the same fetch checks again after each pause.
    async fn pause(&self);
}

/// The thread that all requests of an instance share. A request that computes for a long time must pause, or it blocks
/// all others.
#[expect(async_fn_in_trait, reason = "the platform is single-threaded: futures need not be Send")]
pub trait EventLoop {
    /// Returns the queue for hashing passwords, which all requests of the instance share.
    fn turns(&self) -> &Turns;

    /// Returns the Unix time in milliseconds. The clock advances with each pause.
    fn now(&self) -> i64;

    /// Lets other requests run for at least this many milliseconds.
    async fn pause(&self, milliseconds: u64);
}
