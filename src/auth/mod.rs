//! Who calls, and what a new password becomes.
//!
//! May import `domain`; may name jwt-compact, bcrypt, getrandom and serde. Must never read a clock (the time is an
//! argument) nor know the platform (what only that can do is handed in), and never log or show a token, a secret or a
//! password.

mod jwk;
mod key_set;
mod keys;
mod password;
mod remote;
mod token;

pub use jwk::{Algorithm, PublicKey};
pub use keys::{Keys, Settings};
pub use password::hash;
pub use remote::MAX_BYTES as MAX_KEY_SET_BYTES;
pub use token::BearerToken;

/// What only the platform can do about a token that is signed with a private key.
#[expect(async_fn_in_trait, reason = "the platform has one thread: no future has to be Send")]
pub trait Platform {
    /// Whether the owner of the key signed these bytes, by the one algorithm that the key is for.
    async fn verify(&self, key: &PublicKey, signed: &[u8], signature: &[u8]) -> bool;

    /// Begins to fetch the key set, and hands what comes of it to [`Keys::receive`], whatever becomes of this request.
    fn fetch(&self, url: &str);

    /// Lets others do something, for a moment. One request can't wait for what another has begun: the platform forbids
    /// it. It can look again.
    async fn pause(&self);
}
