//! Which account a back end's number is: what the instance has learned from the database's replies.

use crate::domain::{Caller, Id, Subject};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// How many numbers are remembered; about 200 KiB. Beyond that all are forgotten, and learned again.
const MOST: usize = 4096;

/// The accounts behind the numbers that callers were known by. The database decides who calls, at every request; this
/// decides only what is counted together: rate limits and memory, whoever's token it is. It may be out of date.
#[derive(Debug, Default)]
pub struct KnownAccounts(RefCell<BTreeMap<Subject, Id>>);

impl KnownAccounts {
    /// Remembers every number of an account.
    pub fn learn(&self, caller: &Caller) {
        let mut known = self.0.borrow_mut();
        if known.len() >= MOST {
            known.clear();
        }
        for (back_end, id) in &caller.identities {
            known.insert(Subject::Identity(*back_end, *id), caller.account);
        }
    }

    /// Forgets a number that no active account has any more.
    pub fn forget(&self, subject: Subject) {
        self.0.borrow_mut().remove(&subject);
    }

    /// The account, if its number was learned.
    pub fn account(&self, subject: Subject) -> Option<Id> {
        match subject {
            Subject::Account(id) => Some(id),
            Subject::Identity(..) => self.0.borrow().get(&subject).copied(),
        }
    }

    /// The account, or the number as long as nothing more is known.
    pub fn resolve(&self, subject: Subject) -> Subject {
        self.account(subject).map_or(subject, Subject::Account)
    }
}
