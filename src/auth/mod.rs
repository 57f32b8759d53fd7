//! Who calls, and what a new password becomes.
//!
//! May import `domain`; may name jwt-compact, bcrypt, getrandom and serde. Must never read a clock (the time is an
//! argument), and never log or show a token, a secret or a password.

mod password;
mod token;

pub use password::hash;
pub use token::{BearerToken, Keys, Settings};
