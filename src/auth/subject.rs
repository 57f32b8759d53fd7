//! The rules for which signers may vouch for the IDs of which back ends (contract A2).

use crate::domain::{BackEnd, Id, Subject};

/// The owner of the secret or key that signed a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// Any login service: the token is signed with `JWT_SECRET` or a key of the key set.
    Shared,
    /// One back end's login service: the token is signed with that back end's own secret.
    BackEnd(BackEnd),
}

impl Signer {
    /// Returns the back end whose own secret signed the token.
    pub fn back_end(self) -> Option<BackEnd> {
        match self {
            Self::Shared => None,
            Self::BackEnd(back_end) => Some(back_end),
        }
    }
}

/// The ID that a token claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimedId {
    /// An ID in the layout of a back end's login service. It belongs to that back end.
    InLayout(BackEnd, Id),
    /// A `sub` without any indication of the back end that it belongs to.
    BareSub(Id),
}

/// The interpretation of a bare `sub` that [`Signer::Shared`] vouches for: `JWT_SUB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BareSub {
    /// `account`: the account's own ID.
    Account,
    /// `seam`, `falcon` or `django`: an ID in that back end.
    BackEnd(BackEnd),
    /// `none`: the token is refused.
    Refused,
}

/// The rules for which signers may vouch for the IDs of which back ends.
#[derive(Debug)]
pub struct Vouching {
    /// The setting `JWT_SUB`.
    pub bare_sub: BareSub,
    /// The back ends that have their own secrets.
    pub with_own_secret: Vec<BackEnd>,
}

impl BareSub {
    /// Parses `JWT_SUB`.
    pub fn parse(setting: &str) -> Option<Self> {
        match setting {
            "account" => Some(Self::Account),
            "none" => Some(Self::Refused),
            name => BackEnd::named(name).map(Self::BackEnd),
        }
    }
}

impl Vouching {
    /// Returns the token's subject, or `None` if its signer cannot vouch for the ID. A back end's own secret vouches
    /// only for that back end's IDs. If it leaks, or if its login service can be made to sign unexpected claims, the
    /// identities of one back end are exposed. If a back end has its own secret, shared keys do not vouch for the IDs
    /// in its layout, but `JWT_SUB` may still make their bare `sub` an ID in that back end.
    pub fn subject(&self, signer: Signer, claimed: ClaimedId) -> Option<Subject> {
        match (signer, claimed) {
            (Signer::BackEnd(own), ClaimedId::InLayout(back_end, id)) => {
                (own == back_end).then_some(Subject::Identity(own, id))
            }
            (Signer::BackEnd(own), ClaimedId::BareSub(id)) => Some(Subject::Identity(own, id)),
            (Signer::Shared, ClaimedId::InLayout(back_end, id)) => {
                let is_shared = !self.with_own_secret.contains(&back_end);
                is_shared.then_some(Subject::Identity(back_end, id))
            }
            (Signer::Shared, ClaimedId::BareSub(id)) => match self.bare_sub {
                BareSub::Account => Some(Subject::Account(id)),
                BareSub::BackEnd(back_end) => Some(Subject::Identity(back_end, id)),
                BareSub::Refused => None,
            },
        }
    }
}
