use super::{Change, Field, Password, Picture, Record, Text};

/// One person's account, of which every dialect shows a part. The password hash is not included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// ID in the back end whose dialect shows the account, from 1 to 2^53 − 1 (contract I3).
    pub id: i64,
    /// Unique, ignoring ASCII case.
    pub username: String,
    /// Unique, ignoring ASCII case.
    pub email: String,
    /// Shown by seam as `full_name` and by falcon as `name`.
    pub full_name: String,
    /// Shown by django.
    pub first_name: String,
    /// Shown by django.
    pub last_name: String,
    /// Shown by django; `None` if it was cleared.
    pub number_phone: Option<String>,
    /// Shown by falcon as `image_path` and by django as `avatar`: a path or an `http(s)` URL. `None` means the default
    /// picture.
    pub image: Option<String>,
    /// Role, which determines the account's permissions; `None` if the account has none.
    pub role: Option<Role>,
    /// ID of the role in the back end whose dialect shows the account, if that back end assigned its own. It grants
    /// nothing (contract I4).
    pub back_end_role: Option<i64>,
    /// Whether the account is active. Tokens of an inactive account are refused (contract A7).
    pub is_active: bool,
    /// Shown by django.
    pub is_staff: bool,
    /// Shown by django.
    pub is_superuser: bool,
    /// Time of creation in UTC, as `2024-03-01T08:00:00.000Z`.
    pub created_at: String,
    /// Time of the last update, in the format of `created_at`.
    pub updated_at: String,
    /// Time of the last login, in the format of `created_at`; `None` if the person has never logged in.
    pub last_login: Option<String>,
}

/// A role, as shown with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Primary key in `roles`.
    pub id: i64,
    /// Name, for example `admin`.
    pub name: String,
    /// Description for human readers.
    pub description: Option<String>,
}

/// The requested changes to an account. Every text in it has passed its rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountChange {
    /// A new user name.
    pub username: Option<Text>,
    /// A new e-mail address.
    pub email: Option<Text>,
    /// A new full name.
    pub full_name: Option<Text>,
    /// A new first name.
    pub first_name: Option<Text>,
    /// A new last name.
    pub last_name: Option<Text>,
    /// A new telephone number, or its removal.
    pub number_phone: Field<Text>,
    /// The location of a new picture. Clearing it restores the default picture.
    pub image: Field<Text>,
    /// A new picture that was uploaded; `image` then becomes its location.
    pub upload: Option<Picture>,
    /// The ID of another role. The database decides whether it exists; no role has the ID 0.
    pub role: Option<i64>,
    /// A new password.
    pub password: Option<Password>,
}

impl Record for Account {
    type Change = AccountChange;
}

impl Change for AccountChange {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn password(&self) -> Option<&Password> {
        self.password.as_ref()
    }

    fn is_sensitive(&self) -> bool {
        self.password.is_some() || self.email.is_some() || self.number_phone != Field::Keep
    }

    fn upload(&self) -> Option<&Picture> {
        self.upload.as_ref()
    }

    fn replaces_image(&self) -> bool {
        self.upload.is_some() || self.image != Field::Keep
    }
}
