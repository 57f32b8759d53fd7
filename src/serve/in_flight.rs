//! Limits the memory that request bodies take up in one instance (contract R12). An instance has 128 MB for all of its
//! requests, so the memory that a body may need is reserved before the body is read.

use crate::domain::{Failure, Fault, Refusal, Subject};
use std::cell::{Cell, RefCell};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// Time that every body has to arrive, in seconds.
pub const MIN_SECONDS: u64 = 30;
/// A body gets one more second for each block of this many bytes.
pub const BYTES_PER_FURTHER_SECOND: usize = 64 * KIB;
/// Time that a request may take after its body has arrived, in seconds: more than the deadlines of all its calls.
const PROCESSING_SECONDS: i64 = 120;

/// The kind of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A JSON body or a URL-encoded form.
    Json,
    /// A form with a picture. The platform copies the picture to store it, so at its peak it takes up twice its size.
    Upload,
}

impl Kind {
    /// Returns how many bytes all requests of an instance may hold in total. Four uploads of the default maximum size,
    /// at twice their size, leave enough memory for everything else.
    const fn instance_limit(self) -> usize {
        match self {
            Self::Json => 8 * MIB,
            Self::Upload => 41 * MIB,
        }
    }

    /// Returns how many bytes the requests of one account may hold in total.
    const fn account_limit(self) -> usize {
        match self {
            Self::Json => MIB,
            Self::Upload => 21 * MIB,
        }
    }
}

/// The reservations of one instance.
#[derive(Debug, Default)]
pub struct InFlight {
    held: RefCell<Vec<Held>>,
    /// Number of reservations that have been made.
    count: Cell<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    number: u64,
    kind: Kind,
    caller: Subject,
    bytes: usize,
    /// Expiry time, in Unix seconds. A request that the platform cancels never releases its reservation.
    expires: i64,
}

/// A request's reservation of memory, released when it is dropped.
#[derive(Debug)]
pub struct Reservation<'a> {
    in_flight: &'a InFlight,
    number: u64,
}

/// Returns the time that a body of `bytes` bytes has to arrive, in seconds.
pub fn seconds_for(bytes: usize) -> u64 {
    MIN_SECONDS.saturating_add(u64::try_from(bytes.div_ceil(BYTES_PER_FURTHER_SECOND)).unwrap_or(u64::MAX))
}

impl InFlight {
    /// Creates an instance's empty list of reservations.
    pub const fn new() -> Self {
        Self { held: RefCell::new(Vec::new()), count: Cell::new(0) }
    }

    /// Reserves `bytes` bytes for a body of the caller; `now` is in Unix seconds.
    ///
    /// Returns a refusal if the caller holds too much, and a temporary fault if the instance does.
    pub fn reserve(&self, kind: Kind, caller: Subject, bytes: usize, now: i64) -> Result<Reservation<'_>, Failure> {
        let mut held = self.held.borrow_mut();
        held.retain(|one| one.expires > now);
        let total = |all: &mut dyn Iterator<Item = &Held>| all.fold(bytes, |sum, one| sum.saturating_add(one.bytes));
        let same_kind = || held.iter().filter(|one| one.kind == kind);
        if total(&mut same_kind().filter(|one| one.caller == caller)) > kind.account_limit() {
            return Err(Refusal::TooManyRequests.into());
        }
        if total(&mut same_kind()) > kind.instance_limit() {
            return Err(Fault::Full.into());
        }
        let number = self.count.get();
        self.count.set(number.wrapping_add(1));
        let seconds = i64::try_from(seconds_for(bytes)).unwrap_or(i64::MAX);
        let expires = now.saturating_add(seconds).saturating_add(PROCESSING_SECONDS);
        held.push(Held { number, kind, caller, bytes, expires });
        Ok(Reservation { in_flight: self, number })
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.in_flight.held.borrow_mut().retain(|one| one.number != self.number);
    }
}
