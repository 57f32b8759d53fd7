//! Who may vouch for whose numbers (contract A2).

use crate::domain::{BackEnd, Id, Subject};

/// Whose secret or key signed a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// `JWT_SECRET` or a key of the key set: any login service.
    Shared,
    /// A back end's own secret: its login service alone.
    BackEnd(BackEnd),
}

impl Signer {
    /// The back end whose own secret it is.
    pub fn back_end(self) -> Option<BackEnd> {
        match self {
            Self::Shared => None,
            Self::BackEnd(back_end) => Some(back_end),
        }
    }
}

/// The number that a token claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// In the layout of a back end's login service: it is that back end's number.
    InLayout(BackEnd, Id),
    /// A `sub` and nothing that says whose it is.
    BareSub(Id),
}

/// What a bare `sub` is that [`Signer::Shared`] vouches for: `JWT_SUB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BareSub {
    /// `account`: the account's own id.
    Account,
    /// `seam`, `falcon` or `django`: that back end's number.
    Of(BackEnd),
    /// `none`: nothing; the token is refused.
    Nothing,
}

/// Who may vouch for whose numbers.
#[derive(Debug)]
pub struct Vouching {
    /// `JWT_SUB`
    pub bare_sub: BareSub,
    /// The back ends that have a secret of their own.
    pub with_own_secret: Vec<BackEnd>,
}

impl BareSub {
    /// Parses `JWT_SUB`.
    pub fn parse(setting: &str) -> Option<Self> {
        match setting {
            "account" => Some(Self::Account),
            "none" => Some(Self::Nothing),
            name => BackEnd::named(name).map(Self::Of),
        }
    }
}

impl Vouching {
    /// Whom the token is about; `None` where its signer cannot vouch for that number. A back end's own secret vouches
    /// for its numbers alone, and for these no other one does: a secret that leaks, or a login service that can be made
    /// to sign odd claims, opens one back end's identities only.
    pub fn subject(&self, signer: Signer, claimed: Claimed) -> Option<Subject> {
        match (signer, claimed) {
            (Signer::BackEnd(own), Claimed::InLayout(back_end, id)) => {
                (own == back_end).then_some(Subject::Identity(own, id))
            }
            (Signer::BackEnd(own), Claimed::BareSub(id)) => Some(Subject::Identity(own, id)),
            (Signer::Shared, Claimed::InLayout(back_end, id)) => {
                let is_shared = !self.with_own_secret.contains(&back_end);
                is_shared.then_some(Subject::Identity(back_end, id))
            }
            (Signer::Shared, Claimed::BareSub(id)) => match self.bare_sub {
                BareSub::Account => Some(Subject::Account(id)),
                BareSub::Of(back_end) => Some(Subject::Identity(back_end, id)),
                BareSub::Nothing => None,
            },
        }
    }
}
