use crate::domain::Actor;

/// For how long a limit counts, in seconds, and so how long who is over it is told to wait.
pub const PERIOD: u32 = 60;

/// What asks for a limit of its own; the platform keeps how many it allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Every update of an account, for each endpoint.
    Update,
    /// What costs much: a new password, a picture. For each account.
    Costly,
    /// A token that is missing or not good. For each client's address.
    FailedAuth,
}

/// What counts how often somebody asks: the platform's rate limits in the worker.
#[expect(async_fn_in_trait, reason = "the platform has one thread: no future has to be Send")]
pub trait Limits {
    /// Counts one more, and answers whether that is still allowed.
    async fn allow(&self, class: Class, key: &str) -> bool;
}

/// Whom updates of this endpoint are counted for.
pub fn update_key(actor: Actor, pattern: &str) -> String {
    format!("{} {pattern}", actor.account().get())
}

/// Whom costly work is counted for.
pub fn costly_key(actor: Actor) -> String {
    actor.account().get().to_string()
}
