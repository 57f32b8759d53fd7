use super::KnownAccounts;
use crate::domain::{Refusal, Subject};
use std::cell::RefCell;

/// For how long a limit counts, in seconds, and so how long who is over it is told to wait.
pub const PERIOD: u32 = 60;

/// What asks for a limit of its own; the platform keeps how many it allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class<'a> {
    /// Every update of an account, for each endpoint's pattern.
    Update(Subject, &'a str),
    /// What costs much: a new password, a picture. For each account.
    Costly(Subject),
    /// A token that is missing or not good. For each client's address, which the platform knows.
    FailedAuth,
}

/// What counts how often somebody asks: the platform's rate limits in the worker.
#[expect(async_fn_in_trait, reason = "the platform is single-threaded: futures need not be Send")]
pub trait Limits {
    /// Counts one more, and answers whether that is still allowed.
    async fn allow(&self, class: Class<'_>) -> bool;
}

impl Class<'_> {
    /// Whom it is counted for; `None` for the client's address.
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Update(caller, pattern) => Some(format!("{} {pattern}", name(*caller))),
            Self::Costly(caller) => Some(name(*caller)),
            Self::FailedAuth => None,
        }
    }
}

fn name(caller: Subject) -> String {
    match caller {
        Subject::Account(id) => id.get().to_string(),
        Subject::Identity(back_end, id) => format!("{}:{}", back_end.name(), id.get()),
    }
}

/// What a caller is counted for.
#[derive(Debug, Clone, Copy)]
pub enum Metered {
    /// [`Class::Update`], at the endpoint of this pattern.
    Update(&'static str),
    /// [`Class::Costly`]
    Costly,
}

impl Metered {
    fn by(self, caller: Subject) -> Class<'static> {
        match self {
            Self::Update(pattern) => Class::Update(caller, pattern),
            Self::Costly => Class::Costly(caller),
        }
    }
}

/// The limits of one caller. They follow the account, whoever's token it is: a first request whose account is not known
/// yet is counted for the token's number, and for the account as well once the database has named it.
pub struct Meter<'a, L: Limits> {
    limits: &'a L,
    known: &'a KnownAccounts,
    subject: Subject,
    /// What was counted while the account was not known.
    unsettled: RefCell<Vec<Metered>>,
}

impl<'a, L: Limits> Meter<'a, L> {
    /// Nothing was counted yet.
    pub fn new(limits: &'a L, known: &'a KnownAccounts, subject: Subject) -> Self {
        Self { limits, known, subject, unsettled: RefCell::default() }
    }

    /// Counts one more.
    pub async fn allow(&self, metered: Metered) -> Result<(), Refusal> {
        let caller = self.known.resolve(self.subject);
        if let Subject::Identity(..) = caller {
            self.unsettled.borrow_mut().push(metered);
        }
        self.count(metered, caller).await
    }

    /// Counts for the account what was counted before it was known.
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
        if self.limits.allow(metered.by(caller)).await { Ok(()) } else { Err(Refusal::TooManyRequests) }
    }
}
