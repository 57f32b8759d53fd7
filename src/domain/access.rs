use super::{BackEnd, PathId, Subject};

/// The subject of a verified token: proof that the caller has been authenticated.
///
/// Only `auth` creates one (Clippy's `disallowed_methods` enforces that), so code that requires an `Actor` always runs
/// after authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    subject: Subject,
    issued_at: Option<i64>,
    authenticated_at: Option<i64>,
}

impl Actor {
    /// Creates an actor. For `auth` alone, after it has checked the signature and every claim.
    pub fn verified(subject: Subject, issued_at: Option<i64>, authenticated_at: Option<i64>) -> Self {
        Self { subject, issued_at, authenticated_at }
    }

    /// Returns the token's subject. The database decides whether that account exists.
    pub fn subject(self) -> Subject {
        self.subject
    }

    /// Returns when the token was issued, in Unix seconds, if the token contains that time. A change of password
    /// invalidates tokens that were issued earlier.
    pub fn issued_at(self) -> Option<i64> {
        self.issued_at
    }

    /// Returns when the person authenticated, in Unix seconds, if the token contains that time. A sensitive change may
    /// require a recent authentication (contract A9).
    pub fn authenticated_at(self) -> Option<i64> {
        self.authenticated_at
    }
}

/// The record that an update applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The caller's own record.
    Own,
    /// The record named in the path.
    Named(PathId),
}

/// The caller, the record to change, and the permission that the change needs. The store's statements use it as their
/// guard, so that permission and change are decided in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// The caller.
    pub actor: Actor,
    /// The record to change.
    pub target: Target,
    /// The back end that the IDs in the path and in the reply belong to; `None` for records with their own IDs
    /// (contract I3).
    pub back_end: Option<BackEnd>,
    /// The `nameUri` of the permission that the caller's role must have; `None` if callers may change only their own
    /// record.
    pub permission: Option<&'static str>,
}

impl Access {
    /// Returns the target's ID as written in the path, or an empty string if the path has none.
    pub fn requested_id(&self) -> &str {
        match &self.target {
            Target::Own => "",
            Target::Named(id) => id.digits(),
        }
    }
}
