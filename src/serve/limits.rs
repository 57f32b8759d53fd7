//! Rate limits: the kinds of requests that are counted, and the account that they are counted for.

use super::KnownAccounts;
use crate::domain::{Refusal, Subject};
use std::cell::RefCell;

/// Period of the limits, in seconds. A caller who exceeds a limit is told to wait for one period.
pub const PERIOD: u32 = 60;

/// The kinds of requests with their own limits. How many are allowed is configured on the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class<'a> {
    /// Updates, by account and by the endpoint's pattern.
    Update(Subject, &'a str),
    /// Costly operations (a new password, a picture), by account.
    Costly(Subject),
    /// Missing or bad tokens, by the client's address, which the platform knows.
    FailedAuth,
}

/// A counter of requests against their limits: the platform's rate limits in the worker.
#[expect(async_fn_in_trait, reason = "the platform is single-threaded: futures need not be Send")]
pub trait Limits {
    /// Counts one request, and returns whether it is still allowed.
    async fn allow(&self, class: Class<'_>) -> bool;
}

impl Class<'_> {
    /// Returns the key that requests are counted under; `None` for the client's address.
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Update(caller, pattern) => Some(format!("{} {pattern}", caller_key(*caller))),
            Self::Costly(caller) => Some(caller_key(*caller)),
            Self::FailedAuth => None,
        }
    }
}

fn caller_key(caller: Subject) -> String {
    match caller {
        Subject::Account(id) => id.get().to_string(),
        Subject::Identity(back_end, id) => format!("{}:{}", back_end.name(), id.get()),
    }
}

/// A request or operation that counts towards a caller's limits.
#[derive(Debug, Clone, Copy)]
pub enum Metered {
    /// [`Class::Update`], at the endpoint of this pattern.
    Update(&'static str),
    /// [`Class::Costly`]
    Costly,
}

impl Metered {
    fn class_for(self, caller: Subject) -> Class<'static> {
        match self {
            Self::Update(pattern) => Class::Update(caller, pattern),
            Self::Costly => Class::Costly(caller),
        }
    }
}

/// The limits of one caller. They apply to the account, whichever back end issued the token. A request whose account is
/// not known yet is counted for the token's subject, and for the account as well once the database has identified it.
pub struct Meter<'a, L: Limits> {
    limits: &'a L,
    known: &'a KnownAccounts,
    subject: Subject,
    /// Counted for the token's subject, because the account was not known.
    unsettled: RefCell<Vec<Metered>>,
}

impl<'a, L: Limits> Meter<'a, L> {
    /// Creates a meter that has not counted anything yet.
    pub fn new(limits: &'a L, known: &'a KnownAccounts, subject: Subject) -> Self {
        Self { limits, known, subject, unsettled: RefCell::default() }
    }

    /// Counts one request or operation, and refuses it if it exceeds the limit.
    pub async fn allow(&self, metered: Metered) -> Result<(), Refusal> {
        let caller = self.known.resolve(self.subject);
        if let Subject::Identity(..) = caller {
            self.unsettled.borrow_mut().push(metered);
        }
        self.count(metered, caller).await
    }

    /// Counts for the account, once it is known, everything that was counted for the token's subject before.
    pub async fn settle(&self) -> Result<(), Refusal> {
        let caller = self.known.resolve(self.subject);
        let Subject::Account(_) = caller else { return Ok(()) };
        let unsettled = self.unsettled.take();
        for metered in unsettled {
            self.count(metered, caller).await?;
        }
        Ok(())
    }

    async fn count(&self, metered: Metered, caller: Subject) -> Result<(), Refusal> {
        if self.limits.allow(metered.class_for(caller)).await { Ok(()) } else { Err(Refusal::TooManyRequests) }
    }
}
