//! Whom a back end knows, and Perfil does not: who signed up there since the last import (contract X2).

use super::Platform;
use super::origin::Origin;
use super::receive::Announced;
use super::session::Session;
use crate::dialect::Dialect;
use crate::domain::{Access, Failure, Fault, Record, Refusal};
use crate::store::{self, Stored, Update};
use std::cell::Cell;

/// What tells one update of a newcomer, or about one, from all others. None is, where nothing is passed on.
pub struct Newcomers<'a, P: Platform> {
    session: &'a Session<'a, P>,
    access: Access,
    origin: Option<&'a Origin>,
    /// Whether the database was asked.
    looked: Cell<bool>,
}

impl<'a, P: Platform> Newcomers<'a, P> {
    /// Only tokens of the dialect's own back end are passed on: another one's is none of its origin's business.
    pub fn of<R: Record>(dialect: &Dialect<R>, session: &'a Session<'a, P>, access: Access) -> Result<Self, Fault> {
        let origin = session.platform.pass_through()?.origin(dialect.name);
        let is_own = session.actor.subject().back_end() == dialect.back_end;
        Ok(Self { session, access, origin: origin.filter(|_| is_own), looked: Cell::new(false) })
    }

    /// Their origin; `None` where nobody is passed on.
    pub fn origin(&self) -> Option<&'a Origin> {
        self.origin
    }

    /// Whether a refusal by the database means that the update is about a newcomer. On endpoints that need a
    /// permission, that is told after the check for it.
    pub fn include(&self, refusal: &Refusal) -> bool {
        self.origin.is_some()
            && match refusal {
                Refusal::AccountGone => true,
                Refusal::NotFound { .. } => self.access.permission.is_some(),
                _ => false,
            }
    }

    /// Whether the database is asked before a body is refused or read: what may be long is read once, by whoever it is
    /// for.
    pub fn are_looked_up_before(&self, announced: &Result<Announced, Failure>) -> bool {
        self.origin.is_some()
            && match announced {
                Ok(announced) => announced.may_be_long(),
                Err(Failure::Refused(refusal)) => is_about_content(refusal),
                Err(Failure::Broken(_)) => false,
            }
    }

    /// Asks the database whether the update is about a newcomer: one call. Returns what it says if it is.
    pub async fn look<R: Stored>(&self) -> Result<Option<Refusal>, Fault> {
        self.looked.set(true);
        let change = R::Change::default();
        let update = Update::<R>::new(&self.access, &change, self.session.trace());
        let loaded = store::load(self.session.platform.database()?, &update).await;
        self.session.learn(&update);
        match loaded {
            Ok(_) => Ok(None),
            Err(Failure::Refused(refusal)) => Ok(Some(refusal).filter(|refusal| self.include(refusal))),
            Err(Failure::Broken(fault)) => Err(fault),
        }
    }

    /// Why an update fails that is refused before the database is asked. If it is about a newcomer, the origin is to
    /// say what is wrong with it.
    pub async fn instead_of<R: Stored>(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Refused(refusal) if self.origin.is_some() && !self.looked.get() && is_about_content(&refusal) => {
                match self.look::<R>().await {
                    Ok(newcomer) => newcomer.unwrap_or(refusal).into(),
                    Err(fault) => fault.into(),
                }
            }
            failure => failure,
        }
    }
}

/// Whether the body was refused, or the change that it asks for.
fn is_about_content(refusal: &Refusal) -> bool {
    matches!(
        refusal,
        Refusal::TooLarge
            | Refusal::UnsupportedMediaType { .. }
            | Refusal::Malformed
            | Refusal::MalformedForm
            | Refusal::NotAnObject(_)
            | Refusal::Invalid(_)
            | Refusal::NothingToUpdate
            | Refusal::StaleToken { .. }
    )
}
