//! What an account, a persona, a change, a rule, a refusal and a picture's key in the bucket are.
//!
//! May import `picture`; may name miniz_oxide, thiserror and validator. Must never know HTTP, JSON, SQL, a clock or the
//! platform.

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

/// Something that an update changes and answers with: an [`Account`] or a [`Persona`].
pub trait Record: Sized {
    /// What a client asked to change of it.
    type Change: Change;
}

/// A set of changes to one record.
pub trait Change: Default {
    /// Whether nothing was asked for; such an update answers with the record as it stands.
    fn is_empty(&self) -> bool;

    /// The new password, if one was asked for: it is hashed before the change is saved.
    fn password(&self) -> Option<&Password> {
        None
    }

    /// Whether it sets a password, an e-mail address or a telephone number, by which a person logs in or recovers the
    /// account: such a change may need a recent authentication (contract A9).
    fn is_sensitive(&self) -> bool;

    /// The picture that was uploaded, if one was: it is stored before the change is saved.
    fn upload(&self) -> Option<&Picture>;

    /// Whether the record is to show another picture, or none: the one before may be left over then.
    fn replaces_image(&self) -> bool;
}
