use crate::domain::Actor;

/// For how long a limit counts, in seconds, and so how long who is over it is told to wait.
pub const PERIOD: u32 = 60;

/// What asks for a limit of its own; the platform keeps how many it allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class<'a> {
    /// Every update of an account, for each endpoint's pattern.
    Update(Actor, &'a str),
    /// What costs much: a new password, a picture. For each account.
    Costly(Actor),
    /// A token that is missing or not good. For each client's address, which the platform knows.
    FailedAuth,
}

/// What counts how often somebody asks: the platform's rate limits in the worker.
#[expect(async_fn_in_trait, reason = "the platform has one thread: no future has to be Send")]
pub trait Limits {
    /// Counts one more, and answers whether that is still allowed.
    async fn allow(&self, class: Class<'_>) -> bool;
}

impl Class<'_> {
    /// Whom it is counted for; `None` for the client's address.
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Update(actor, pattern) => Some(format!("{} {pattern}", actor.account().get())),
            Self::Costly(actor) => Some(actor.account().get().to_string()),
            Self::FailedAuth => None,
        }
    }
}
