//! A request after authentication.

use super::limits::Meter;
use super::{Call, Platform};
use crate::domain::{Actor, Change, Failure, Id, Record, Refusal};
use crate::store::{Trace, Update};

/// A request with a verified token. The session that a change of password ends is a login instead (contract A7).
pub struct Session<'a, P: Platform> {
    pub call: &'a Call<'a>,
    pub platform: &'a P,
    pub actor: Actor,
    /// The endpoint's pattern.
    pub pattern: &'static str,
    /// The caller's limits.
    pub meter: Meter<'a, P::Limits>,
}

impl<P: Platform> Session<'_, P> {
    /// Returns what the change feed records about the request.
    pub fn trace(&self) -> Trace<'_> {
        Trace { request_id: self.call.request_id, route: self.pattern }
    }

    /// Returns whether common passwords are refused. If the setting is invalid, [`Self::admit`] fails for every new
    /// password.
    pub fn blocks_common_passwords(&self) -> bool {
        self.platform.blocks_common_passwords().unwrap_or_default()
    }

    /// Returns the change, unless it is sensitive and the person authenticated too long ago (contract A9), or a setting
    /// that protects it is invalid.
    pub fn admit<C: Change>(&self, change: C) -> Result<C, Failure> {
        if change.password().is_some() {
            self.platform.blocks_common_passwords()?;
        }
        if !change.is_sensitive() {
            return Ok(change);
        }
        let Some(max_age) = self.platform.fresh_token_seconds()? else { return Ok(change) };
        let age = self.actor.authenticated_at().map(|at| self.call.seconds().saturating_sub(at));
        let is_fresh = age.is_some_and(|age| age <= i64::from(max_age));
        if is_fresh { Ok(change) } else { Err(Refusal::StaleToken { max_age }.into()) }
    }

    /// Returns the caller's account, if the instance knows it.
    pub fn account(&self) -> Option<Id> {
        self.platform.known().account(self.actor.subject())
    }

    /// Remembers what the database has returned about the caller's account.
    pub fn learn<R: Record>(&self, update: &Update<'_, R>) {
        let known = self.platform.known();
        match update.caller.get() {
            Some(Some(caller)) => known.learn(caller),
            Some(None) => known.forget(self.actor.subject()),
            None => {}
        }
    }
}
