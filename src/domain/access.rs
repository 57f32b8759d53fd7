use super::{BackEnd, PathId, Subject};

/// Whom a verified token is about: proof that a caller is who it says.
///
/// Only `auth` makes one (a test holds that wall), so whatever takes an `Actor` runs after authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    subject: Subject,
    issued_at: Option<i64>,
    authenticated_at: Option<i64>,
}

impl Actor {
    /// For `auth` alone, once a signature and every claim have been checked.
    pub fn verified(subject: Subject, issued_at: Option<i64>, authenticated_at: Option<i64>) -> Self {
        Self { subject, issued_at, authenticated_at }
    }

    /// Who acts. Whether there is such an account is the database's to say.
    pub fn subject(self) -> Subject {
        self.subject
    }

    /// When its token was issued, in Unix seconds, if that says so: a change of password ends older ones.
    pub fn issued_at(self) -> Option<i64> {
        self.issued_at
    }

    /// When the person authenticated, in Unix seconds, if the token says so: a sensitive change may need that to be
    /// recent (contract A9).
    pub fn authenticated_at(self) -> Option<i64> {
        self.authenticated_at
    }
}

/// The record that an update is aimed at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// The caller's own.
    Own,
    /// The one named in the path.
    Named(PathId),
}

/// Who wants to change what, and by what right. The store's statements carry it as their guard, so that right
/// and change are decided in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Who asks.
    pub actor: Actor,
    /// What for.
    pub target: Target,
    /// Whose number the target's id is, and the one shown; `None` for records that have ids of their own (contract I3).
    pub back_end: Option<BackEnd>,
    /// The `nameUri` that the caller's role must hold; `None` where everybody may change their own record only.
    pub permission: Option<&'static str>,
}

impl Access {
    /// The target's id as it was written in the path; empty where the path names none.
    pub fn named(&self) -> &str {
        match &self.target {
            Target::Own => "",
            Target::Named(id) => id.digits(),
        }
    }
}
