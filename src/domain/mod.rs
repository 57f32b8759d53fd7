//! Accounts, personas, changes, rules, refusals, settings, and the keys of pictures in the bucket.
//!
//! May import `picture`; may use the crates miniz_oxide, thiserror and validator. Performs no I/O, parses neither HTTP
//! nor JSON, and must not know SQL, a clock or the platform.

mod access;
mod account;
mod common_passwords;
mod field;
mod id;
mod identity;
mod invisible;
mod object_key;
mod persona;
mod receiver;
mod refusal;
mod rule;
mod secret;
mod setting;
pub mod text;
mod url;

pub use crate::picture::{DEFAULT_MAX_PIXELS, Picture, PictureFormat};
pub use access::{Access, Actor, Target};
pub use account::{Account, AccountChange, Role};
pub use field::Field;
pub use id::{Id, PathId};
pub use identity::{BackEnd, Caller, Subject};
pub use invisible::is_invisible;
pub use object_key::ObjectKey;
pub use persona::{Persona, PersonaChange};
pub use receiver::Receiver;
pub use refusal::{Failure, Fault, InvalidField, JsonKind, ORIGIN_NOT_ALLOWED, Refusal, Unique};
pub use rule::Rule;
pub use secret::{Password, PasswordHash};
pub use setting::{Setting, SettingKind};
pub use text::Text;
pub use url::{Url, is_secure};

/// A record that an update changes and returns: an [`Account`] or a [`Persona`].
pub trait Record: Sized {
    /// The changes that a client can request.
    type Change: Change;
}

/// A set of changes to one record.
pub trait Change: Default {
    /// Returns whether no change was requested. Such an update returns the current record.
    fn is_empty(&self) -> bool;

    /// Returns the new password, if one was sent. It is hashed before the change is saved.
    fn password(&self) -> Option<&Password> {
        None
    }

    /// Returns whether the change sets a password, an e-mail address or a telephone number, with which a person logs in
    /// or recovers the account. Such a change may require a recent authentication (contract A9).
    fn is_sensitive(&self) -> bool;

    /// Returns the uploaded picture, if there is one. It is stored before the change is saved.
    fn upload(&self) -> Option<&Picture>;

    /// Returns whether the change replaces or removes the record's picture, which may leave the old one unused.
    fn replaces_image(&self) -> bool;
}
