use super::{Change, Field, Password, Picture, Record, Text};

/// One person's account, as every dialect shows a part of it. The password hash is not in it: no query reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number in the back end whose dialect shows it, 1 to 2^53 − 1 (contract I3).
    pub id: i64,
    /// Unique without regard to ASCII case.
    pub username: String,
    /// Unique without regard to ASCII case.
    pub email: String,
    /// seam `full_name`, falcon `name`.
    pub full_name: String,
    /// django.
    pub first_name: String,
    /// django.
    pub last_name: String,
    /// django; `None` when cleared.
    pub number_phone: Option<String>,
    /// falcon `image_path`, django `avatar`: a path or an `http(s)` URL; `None` is the default picture.
    pub image: Option<String>,
    /// What decides its permissions; an account may have none.
    pub role: Option<Role>,
    /// The number of its role in that back end, where that gave it another one. It grants nothing (contract I4).
    pub back_end_role: Option<i64>,
    /// An inactive account's tokens are refused (contract A7).
    pub is_active: bool,
    /// django.
    pub is_staff: bool,
    /// django.
    pub is_superuser: bool,
    /// UTC, `2024-03-01T08:00:00.000Z`.
    pub created_at: String,
    /// UTC, as `created_at`.
    pub updated_at: String,
    /// UTC, as `created_at`; `None` for who never logged in.
    pub last_login: Option<String>,
}

/// A role as shown with an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its key in `roles`.
    pub id: i64,
    /// For example `admin`.
    pub name: String,
    /// For people.
    pub description: Option<String>,
}

/// What to change of an account; every text in it has passed its rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountChange {
    /// A new user name.
    pub username: Option<Text>,
    /// A new address.
    pub email: Option<Text>,
    /// A new full name.
    pub full_name: Option<Text>,
    /// A new first name.
    pub first_name: Option<Text>,
    /// A new last name.
    pub last_name: Option<Text>,
    /// A new telephone number, or none.
    pub number_phone: Field<Text>,
    /// Where a new picture is, or the default one.
    pub image: Field<Text>,
    /// A new picture itself; `image` is where it was put then.
    pub upload: Option<Picture>,
    /// The id of another role; whether there is one is the database's to say. 0 is nobody's.
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
