//! The pace of deliveries after updates.

use std::cell::Cell;

/// Minimum time between the starts of two runs to a receiver in one instance, in milliseconds (contract C4).
const INTERVAL: i64 = 1000;
/// Time after which a run that was due counts as lost, in milliseconds: the request that waited for it was cancelled.
const LOST_AFTER: i64 = 10_000;

/// The schedule of an instance's deliveries to one receiver.
#[derive(Debug, Default)]
pub struct Pace {
    /// When the next run may start.
    free_from: Cell<i64>,
    /// When the reserved run is due, if there is one.
    due: Cell<Option<i64>>,
}

impl Pace {
    /// Reserves a run after a change. Returns how many milliseconds the caller has to wait before it starts the run, or
    /// `None` if another run is about to start, which will deliver this change as well.
    pub fn reserve(&self, now: i64) -> Option<u64> {
        if self.due.get().is_some_and(|due| now <= due.saturating_add(LOST_AFTER)) {
            return None;
        }
        let due = self.free_from.get().clamp(now, now.saturating_add(INTERVAL));
        self.due.set(Some(due));
        u64::try_from(due.saturating_sub(now)).ok()
    }

    /// Records that the reserved run starts.
    pub fn start(&self, now: i64) {
        self.due.set(None);
        self.free_from.set(now.saturating_add(INTERVAL));
    }
}

#[cfg(test)]
mod tests {
    use super::{INTERVAL, LOST_AFTER, Pace};

    #[test]
    fn the_first_change_is_delivered_at_once_and_the_next_ones_together_a_second_later() {
        let pace = Pace::default();
        assert_eq!(pace.reserve(5000), Some(0));
        assert_eq!(pace.reserve(5000), None);
        pace.start(5001);
        assert_eq!(pace.reserve(5002), Some(999));
        assert_eq!(pace.reserve(5500), None);
        assert_eq!(pace.reserve(6001), None);
        pace.start(6001);
        assert_eq!(pace.reserve(9000), Some(0));
    }

    #[test]
    fn a_reserved_run_that_never_starts_is_replaced() {
        let pace = Pace::default();
        assert_eq!(pace.reserve(0), Some(0));
        assert_eq!(pace.reserve(LOST_AFTER), None);
        assert_eq!(pace.reserve(LOST_AFTER + 1), Some(0));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_stop_deliveries() {
        let pace = Pace::default();
        pace.start(1_000_000);
        assert_eq!(pace.reserve(5), Some(INTERVAL.unsigned_abs()));
    }
}
