//! The accounts behind the back ends' IDs, as learned from the database's replies.

use crate::domain::{Caller, Id, Subject};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Maximum number of IDs that are remembered, about 200 KiB. When it is reached, all are forgotten and learned again.
const MAX_IDS: usize = 4096;

/// A cache of the accounts behind the subjects of callers' tokens. At every request, the database decides which account
/// is calling. The cache only decides which requests count together for rate limits and memory, whichever back end
/// issued the token, and which account an upload probably belongs to. It may be out of date.
#[derive(Debug, Default)]
pub struct KnownAccounts(RefCell<BTreeMap<Subject, Id>>);

impl KnownAccounts {
    /// Remembers all of an account's IDs.
    pub fn learn(&self, caller: &Caller) {
        let mut known = self.0.borrow_mut();
        if known.len() >= MAX_IDS {
            known.clear();
        }
        for (back_end, id) in &caller.identities {
            known.insert(Subject::Identity(*back_end, *id), caller.account);
        }
    }

    /// Forgets an ID that no longer belongs to an active account.
    pub fn forget(&self, subject: Subject) {
        self.0.borrow_mut().remove(&subject);
    }

    /// Returns the subject's account, if it is known.
    pub fn account(&self, subject: Subject) -> Option<Id> {
        match subject {
            Subject::Account(id) => Some(id),
            Subject::Identity(..) => self.0.borrow().get(&subject).copied(),
        }
    }

    /// Returns the subject's account, or the subject itself if its account is not known.
    pub fn resolve(&self, subject: Subject) -> Subject {
        self.account(subject).map_or(subject, Subject::Account)
    }
}
