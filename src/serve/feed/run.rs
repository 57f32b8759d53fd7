//! One run of posts to one receiver.

use super::Subscription;
use crate::domain::Fault;
use crate::store::{Batch, Lease, Next, Step};

/// Platform services that a delivery run depends on.
#[expect(async_fn_in_trait, reason = "the platform is single-threaded: futures need not be Send")]
pub trait Courier {
    /// Sends a post. Fails unless the receiver returns a 2xx in time.
    async fn post(&self, url: &str, post: Post<'_>) -> Result<(), Fault>;

    /// Waits for this many milliseconds.
    async fn pause(&self, milliseconds: u64);

    /// Returns the current time in milliseconds of Unix time.
    fn now(&self) -> i64;
}

/// A signed post, as specified by Standard Webhooks.
pub struct Post<'a> {
    /// `webhook-id`
    pub id: String,
    /// `webhook-timestamp`, in Unix seconds.
    pub timestamp: i64,
    /// `webhook-signature`
    pub signature: String,
    /// The body, as JSON.
    pub body: &'a str,
}

/// The limits of one run.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Time after which the run starts no further post, in milliseconds.
    pub milliseconds: i64,
    /// Number of D1 calls after which the run fetches no more changes.
    pub calls: u32,
}

/// The budget of a run after a reply. The platform ends such work 30 seconds after the reply. One of these seconds may
/// pass before the run starts, and the last post may take 10. The rest is for the database.
pub const AFTER_REPLY: Budget = Budget { milliseconds: 10_000, calls: 400 };
/// The budget of a run in a scheduled event. A minute later, the next event continues.
pub const EVERY_MINUTE: Budget = Budget { milliseconds: 50_000, calls: 400 };

impl Budget {
    /// Returns the share of each run if several runs divide an event's budget. The platform allows an event 1000 calls
    /// to its services.
    pub fn shared_by(self, runs: usize) -> Self {
        let runs = u32::try_from(runs).unwrap_or(u32::MAX).max(1);
        Self { calls: self.calls.checked_div(runs).unwrap_or(0).max(1), ..self }
    }
}

/// The results of a run so far.
#[derive(Debug, Default)]
pub struct DeliveryResult {
    /// Number of changes that the receiver has accepted.
    pub sent: usize,
    /// The receiver's new position in the feed, if it has moved.
    pub position: Option<i64>,
    /// The latest failure.
    pub fault: Option<Fault>,
}

/// Returns the pause after a failed post, in seconds, by the number of failures before it. It stays below a minute, so
/// that every scheduled event makes an attempt.
fn pause_after(failures: u32) -> u32 {
    1_u32.checked_shl(failures).map_or(MAX_PAUSE, |seconds| seconds.min(MAX_PAUSE))
}

const MAX_PAUSE: u32 = 45;
/// Added to each pause, in milliseconds, because a timer may fire a rounded millisecond early.
const MARGIN: u64 = 20;

/// Delivers the changes that a receiver has not accepted yet, within the budget. Returns immediately if another run is
/// delivering to the receiver, or if the next attempt is not due yet.
pub async fn deliver(
    subscription: &Subscription,
    database: &impl Batch,
    courier: &impl Courier,
    budget: Budget,
) -> DeliveryResult {
    let run = Run { subscription, database, courier, budget, started: courier.now() };
    let mut delivered = DeliveryResult::default();
    if let Err(fault) = run.proceed(&mut delivered).await {
        delivered.fault = Some(fault);
    }
    delivered
}

struct Run<'a, D, C> {
    subscription: &'a Subscription,
    database: &'a D,
    courier: &'a C,
    budget: Budget,
    started: i64,
}

impl<D: Batch, C: Courier> Run<'_, D, C> {
    async fn proceed(&self, delivered: &mut DeliveryResult) -> Result<(), Fault> {
        let lease = Lease::new(self.subscription.receiver, self.subscription.with_hashes)?;
        let (mut step, mut retry_after) = (Step::Take, None);
        for call in 1.. {
            let found = lease.step(self.database, step).await?;
            let has_budget_after = |seconds| call < self.budget.calls && self.has_time_after(seconds);
            // Posts, then records the result. After a postponed post, pauses and takes the lease again.
            step = match (found, retry_after.take()) {
                (Some(next), _) => match self.post(&next).await {
                    Ok(()) => {
                        delivered.sent = delivered.sent.saturating_add(next.count);
                        delivered.position = Some(next.position);
                        Step::Advance {
                            position: next.position,
                            keep: next.position < next.newest && has_budget_after(0),
                        }
                    }
                    Err(fault) => {
                        delivered.fault = Some(fault);
                        let seconds = pause_after(next.failures);
                        retry_after = has_budget_after(seconds).then_some(seconds);
                        Step::Postpone { seconds }
                    }
                },
                (None, Some(seconds)) => {
                    self.courier.pause(u64::from(seconds).saturating_mul(1000).saturating_add(MARGIN)).await;
                    Step::Take
                }
                (None, None) => break,
            };
        }
        Ok(())
    }

    fn has_time_after(&self, seconds: u32) -> bool {
        let until = self.courier.now().saturating_add(i64::from(seconds).saturating_mul(1000));
        until.saturating_sub(self.started) < self.budget.milliseconds
    }

    async fn post(&self, Next { first, last, body, .. }: &Next) -> Result<(), Fault> {
        let Some((first, last)) = first.zip(*last) else { return Ok(()) };
        let Subscription { receiver, url, secret, .. } = self.subscription;
        let id = format!("{}-{first}-{last}", receiver.name());
        let timestamp = self.courier.now().div_euclid(1000);
        let signature = secret.sign(&id, timestamp, body);
        self.courier.post(url, Post { id, timestamp, signature, body }).await
    }
}
