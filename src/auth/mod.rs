//! Who calls, what a new password becomes, and how posts of the change feed are signed.
//!
//! May import `domain`; may name jwt-compact, base64ct, bcrypt, blowfish, getrandom, serde and serde_json. Must never
//! read a clock (the time is handed in), know the platform (what only that can do is handed in), or log or show a
//! token, a secret or a password.

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

/// What only the platform can do for tokens that are signed with a private key: verify their signatures, and fetch the
/// public keys.
#[expect(async_fn_in_trait, reason = "the platform has one thread: no future has to be Send")]
pub trait KeyService {
    /// Whether the owner of the key signed these bytes, by the one algorithm that the key is for.
    async fn verify(&self, key: &PublicKey, signed: &[u8], signature: &[u8]) -> bool;

    /// Starts to fetch the key set, and hands the result to [`Keys::receive`], also if this request ends before.
    fn fetch(&self, url: &str);

    /// Lets other requests run for a moment. The platform forbids one request to await what another one started, so a
    /// request that waits for the same fetch checks again after each pause.
    async fn pause(&self);
}

/// The thread that all requests of an instance share. A request that computes for long must pause, or it stops all
/// others.
#[expect(async_fn_in_trait, reason = "the platform has one thread: no future has to be Send")]
pub trait EventLoop {
    /// Whose turn it is to hash a password; the same for all requests of the instance.
    fn turns(&self) -> &Turns;

    /// Milliseconds of Unix time. The clock moves on with each pause.
    fn now(&self) -> i64;

    /// Lets other requests run, for so many milliseconds at least.
    async fn pause(&self, milliseconds: u64);
}
