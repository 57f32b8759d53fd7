use super::Id;

/// An existing back end that numbers its accounts itself (contract I1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BackEnd {
    /// `idUser`
    Seam,
    /// `sub` beside `profile`
    Falcon,
    /// `user_id`
    Django,
}

impl BackEnd {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Seam, Self::Falcon, Self::Django];

    /// Its name in the database, the settings and the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seam => "seam",
            Self::Falcon => "falcon",
            Self::Django => "django",
        }
    }

    /// The back end of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|back_end| back_end.name() == name)
    }
}

/// Whom a token is about. A number means nothing without whose number it is: every back end counts from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// An account, by its own id.
    Account(Id),
    /// An account, by its number in a back end.
    Identity(BackEnd, Id),
}

impl Subject {
    /// Whose number it is; `None` for an account's own id.
    pub fn back_end(self) -> Option<BackEnd> {
        match self {
            Self::Account(_) => None,
            Self::Identity(back_end, _) => Some(back_end),
        }
    }

    /// The number.
    pub fn id(self) -> Id {
        match self {
            Self::Account(id) | Self::Identity(_, id) => id,
        }
    }
}

/// What the database knows of the account that a token is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The account's own id.
    pub account: Id,
    /// Its number in each back end that knows it.
    pub identities: Vec<(BackEnd, Id)>,
}
