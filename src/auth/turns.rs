use super::EventLoop;
use crate::domain::Fault;
use std::cell::{Cell, RefCell};

/// How many requests may wait on one instance. More could not get their turn in time.
const MOST_WAITING: usize = 64;
// In milliseconds.
/// How long a request waits for its turn. An administrator may change 20 passwords a minute: two who send all of them
/// at once wait 12 seconds for the last one.
pub const DEADLINE: u64 = 15_000;
/// How soon the next request checks whether its turn has come; one that is further back checks less often.
const PAUSE: u64 = 10;
const LONGEST_PAUSE: u64 = 250;
/// After how long a request that has not checked again has lost its place.
const EXPIRY: u64 = 1000;

/// Whose turn it is to hash a password: one request of an instance at a time, in the order in which they came.
///
/// The platform never polls the future of a cancelled request again, and does not drop it either, so a request may
/// never give its turn back. Each one therefore checks its place again and again, and loses it if it has not done so
/// for a while. A request that was only late takes its old place again.
#[derive(Default)]
pub struct Turns {
    /// The ticket of each request, and when it checked its place last.
    seen: RefCell<Vec<(u64, i64)>>,
    last: Cell<u64>,
}

/// A request's place among the others. Dropping it gives it back.
pub struct Turn<'a, E: EventLoop> {
    event_loop: &'a E,
    ticket: u64,
}

impl Turns {
    /// How many are before the one with this ticket, which has its place from now on. `None` if there is no room.
    fn place(&self, ticket: u64, now: i64) -> Option<u64> {
        let mut seen = self.seen.borrow_mut();
        // A clock that was set back must not keep anybody.
        seen.retain(|(other, at)| *other != ticket && now.abs_diff(*at) < EXPIRY);
        let before = seen.iter().filter(|(other, _)| *other < ticket).count();
        if before > MOST_WAITING {
            return None;
        }
        seen.push((ticket, now));
        u64::try_from(before).ok()
    }
}

impl<'a, E: EventLoop> Turn<'a, E> {
    /// A place behind all others.
    pub fn new(event_loop: &'a E) -> Self {
        let last = &event_loop.turns().last;
        last.set(last.get().wrapping_add(1));
        Self { event_loop, ticket: last.get() }
    }

    /// Waits until it is this one's turn, but not for ever. To be called again after each pause of a long computation:
    /// it keeps the turn.
    pub async fn comes(&self) -> Result<(), Fault> {
        let Self { event_loop, ticket } = self;
        let started = event_loop.now();
        loop {
            let now = event_loop.now();
            match event_loop.turns().place(*ticket, now) {
                Some(0) => return Ok(()),
                Some(before) if now.abs_diff(started) < DEADLINE => {
                    event_loop.pause(PAUSE.saturating_mul(before).min(LONGEST_PAUSE)).await;
                }
                _ => return Err(Fault::Busy),
            }
        }
    }
}

impl<E: EventLoop> Drop for Turn<'_, E> {
    fn drop(&mut self) {
        self.event_loop.turns().seen.borrow_mut().retain(|(ticket, _)| *ticket != self.ticket);
    }
}
