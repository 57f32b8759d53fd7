use super::EventLoop;
use crate::domain::Fault;
use std::cell::{Cell, RefCell};

/// Maximum number of requests that wait on one instance. More could not get their turn in time.
const MAX_WAITING: usize = 64;
// The following times are in milliseconds.
/// Maximum time that a request waits for its turn. An administrator may change 20 passwords a minute. If two
/// administrators send all of theirs at once, the last request waits 12 seconds.
pub const DEADLINE: u64 = 15_000;
/// Interval at which the next request in the queue checks whether its turn has come. Requests further back check less
/// often.
const PAUSE: u64 = 10;
const MAX_PAUSE: u64 = 250;
/// Time after which a request that has not checked again loses its place.
const EXPIRY: u64 = 1000;

/// A queue for hashing passwords: one request of an instance at a time, in order of arrival.
///
/// The platform neither polls nor drops the future of a cancelled request, so such a request never releases its turn.
/// Every request therefore checks its place repeatedly, and loses it if it has not done so for a while. A request that
/// was merely late gets its old place back.
#[derive(Default)]
pub struct Turns {
    /// The ticket of each request, and the time of its last check.
    last_checks: RefCell<Vec<(u64, i64)>>,
    last: Cell<u64>,
}

/// A request's place in the queue. Dropping it releases the place.
pub struct Turn<'a, E: EventLoop> {
    event_loop: &'a E,
    ticket: u64,
}

impl Turns {
    /// Records a check by the request with this ticket, and returns the number of requests ahead of it. Returns `None`
    /// if the queue is full.
    fn check_in(&self, ticket: u64, now: i64) -> Option<u64> {
        let mut last_checks = self.last_checks.borrow_mut();
        // The absolute difference, so that a clock that was set back keeps no stale entries.
        last_checks.retain(|(other, at)| *other != ticket && now.abs_diff(*at) < EXPIRY);
        let before = last_checks.iter().filter(|(other, _)| *other < ticket).count();
        if before > MAX_WAITING {
            return None;
        }
        last_checks.push((ticket, now));
        u64::try_from(before).ok()
    }
}

impl<'a, E: EventLoop> Turn<'a, E> {
    /// Takes a place at the end of the queue.
    pub fn new(event_loop: &'a E) -> Self {
        let last = &event_loop.turns().last;
        last.set(last.get().wrapping_add(1));
        Self { event_loop, ticket: last.get() }
    }

    /// Waits for the turn of this request, for at most `DEADLINE`. Calling it again after each pause of a long
    /// computation keeps the turn.
    pub async fn wait(&self) -> Result<(), Fault> {
        let Self { event_loop, ticket } = self;
        let started = event_loop.now();
        loop {
            let now = event_loop.now();
            match event_loop.turns().check_in(*ticket, now) {
                Some(0) => return Ok(()),
                Some(before) if now.abs_diff(started) < DEADLINE => {
                    event_loop.pause(PAUSE.saturating_mul(before).min(MAX_PAUSE)).await;
                }
                _ => return Err(Fault::Busy),
            }
        }
    }
}

impl<E: EventLoop> Drop for Turn<'_, E> {
    fn drop(&mut self) {
        self.event_loop.turns().last_checks.borrow_mut().retain(|(ticket, _)| *ticket != self.ticket);
    }
}
