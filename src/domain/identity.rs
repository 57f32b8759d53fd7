use super::Id;

/// An existing back end that assigns its own account IDs (contract I1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BackEnd {
    /// Its tokens have the claim `idUser`.
    Seam,
    /// Its tokens have the claims `sub` and `profile`.
    Falcon,
    /// Its tokens have the claim `user_id`.
    Django,
}

impl BackEnd {
    /// All back ends that assign account IDs. personas is not among them.
    pub const ALL: [Self; 3] = [Self::Seam, Self::Falcon, Self::Django];

    /// Returns its name in the database, the settings and the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seam => "seam",
            Self::Falcon => "falcon",
            Self::Django => "django",
        }
    }

    /// Returns the back end with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|back_end| back_end.name() == name)
    }
}

/// The account that a token identifies, by its ID. It may not exist. An ID means nothing without its back end, because
/// every back end counts from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An account, by its own ID.
    Account(Id),
    /// An account, by its ID in a back end.
    Identity(BackEnd, Id),
}

impl Subject {
    /// Returns the back end that the ID belongs to; `None` for an account's own ID.
    pub fn back_end(self) -> Option<BackEnd> {
        match self {
            Self::Account(_) => None,
            Self::Identity(back_end, _) => Some(back_end),
        }
    }

    /// Returns the ID, without its back end.
    pub fn id(self) -> Id {
        match self {
            Self::Account(id) | Self::Identity(_, id) => id,
        }
    }
}

/// The account of a [`Subject`], as found in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account's own ID.
    pub account: Id,
    /// Its ID in each back end that knows it.
    pub identities: Vec<(BackEnd, Id)>,
}
