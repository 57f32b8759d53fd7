//! Newcomers: accounts that were created at a back end since the last import, and that Perfil therefore does not know
//! yet (contract X2).

use super::Platform;
use super::origin::Origin;
use super::receive::BodyHeaders;
use super::session::Session;
use crate::dialect::Dialect;
use crate::domain::{Access, Failure, Fault, Record, Refusal};
use crate::store::{self, Stored, Update};
use std::cell::Cell;

/// Decides whether one update comes from a newcomer, or is about one. The answer is no if nothing is passed on.
pub struct Newcomers<'a, P: Platform> {
    session: &'a Session<'a, P>,
    access: Access,
    origin: Option<&'a Origin>,
    /// Whether the database has been queried.
    queried: Cell<bool>,
}

impl<'a, P: Platform> Newcomers<'a, P> {
    /// Prepares the check of one update. An origin only ever receives tokens of its own back end.
    pub fn new<R: Record>(dialect: &Dialect<R>, session: &'a Session<'a, P>, access: Access) -> Result<Self, Fault> {
        let origin = session.platform.pass_through()?.origin(dialect.name);
        let is_own = session.actor.subject().back_end() == dialect.back_end;
        Ok(Self { session, access, origin: origin.filter(|_| is_own), queried: Cell::new(false) })
    }

    /// Returns the newcomers' origin; `None` if nothing is passed on.
    pub fn origin(&self) -> Option<&'a Origin> {
        self.origin
    }

    /// Returns whether a refusal by the database means that the update comes from a newcomer, or is about one. A
    /// missing target counts only on endpoints that need a permission, where the database checks the permission first.
    pub fn is_newcomer_refusal(&self, refusal: &Refusal) -> bool {
        self.origin.is_some()
            && match refusal {
                Refusal::AccountGone => true,
                Refusal::NotFound { .. } => self.access.permission.is_some(),
                _ => false,
            }
    }

    /// Returns whether to query the database before the body is read or refused. A long body is streamed to the origin,
    /// so Perfil must not read it if the origin handles the update.
    pub fn should_query_early(&self, headers: &Result<BodyHeaders, Failure>) -> bool {
        self.origin.is_some()
            && match headers {
                Ok(headers) => headers.may_be_long(),
                Err(Failure::Refused(refusal)) => is_about_content(refusal),
                Err(Failure::Fault(_)) => false,
            }
    }

    /// Queries the database in one round trip. If the update comes from a newcomer, or is about one, returns the
    /// refusal that shows it.
    pub async fn query<R: Stored>(&self) -> Result<Option<Refusal>, Fault> {
        self.queried.set(true);
        let change = R::Change::default();
        let update = Update::<R>::new(&self.access, &change, self.session.trace());
        let loaded = store::load(self.session.platform.database()?, &update).await;
        self.session.learn(&update);
        match loaded {
            Ok(_) => Ok(None),
            Err(Failure::Refused(refusal)) => Ok(Some(refusal).filter(|refusal| self.is_newcomer_refusal(refusal))),
            Err(Failure::Fault(fault)) => Err(fault),
        }
    }

    /// Returns the failure of an update that is refused before the database is queried. If the update comes from a
    /// newcomer, or is about one, that is the database's refusal instead, because the origin decides what is wrong with
    /// the update.
    pub async fn resolve_failure<R: Stored>(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Refused(refusal) if self.origin.is_some() && !self.queried.get() && is_about_content(&refusal) => {
                match self.query::<R>().await {
                    Ok(newcomer) => newcomer.unwrap_or(refusal).into(),
                    Err(fault) => fault.into(),
                }
            }
            failure => failure,
        }
    }
}

/// Returns whether a refusal is about the body, or about the change that it requests.
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
