//! How many bytes of bodies the requests of one instance hold at the same time (contract R12). An instance has 128 MB
//! for all of them, so what a body may need is reserved before it is read.

use crate::domain::{Failure, Fault, Refusal, Subject};
use std::cell::{Cell, RefCell};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// What every body is given to arrive, in seconds.
pub const LEAST_SECONDS: u64 = 30;
/// How much of it has to arrive in each further second, in bytes.
pub const SLOWEST: usize = 64 * KIB;
/// How long a request may take after its body has arrived, in seconds: more than the deadlines of all its calls.
const AFTERWARDS: i64 = 120;

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text, which is dropped once it is parsed.
    Json,
    /// A form with a picture. The platform copies the picture when it is stored, so it counts twice at its peak.
    Upload,
}

impl Kind {
    /// What all requests of an instance may hold together, in bytes: four uploads of the largest size as shipped, twice
    /// over, leave room for everything else.
    const fn of_instance(self) -> usize {
        match self {
            Self::Json => 8 * MIB,
            Self::Upload => 41 * MIB,
        }
    }

    /// What those of one account may hold together, in bytes.
    const fn of_account(self) -> usize {
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
    /// How many reservations there were.
    count: Cell<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Held {
    number: u64,
    kind: Kind,
    caller: Subject,
    bytes: usize,
    /// In Unix seconds. A request that the platform has cancelled never gives back what it holds.
    expires: i64,
}

/// Bytes that a request may hold until this is dropped.
#[derive(Debug)]
pub struct Reservation<'a> {
    of: &'a InFlight,
    number: u64,
}

/// How long a body of so many bytes may take to arrive, in seconds.
pub fn seconds_for(bytes: usize) -> u64 {
    LEAST_SECONDS.saturating_add(u64::try_from(bytes.div_ceil(SLOWEST)).unwrap_or(u64::MAX))
}

impl InFlight {
    /// Nothing is held.
    pub const fn new() -> Self {
        Self { held: RefCell::new(Vec::new()), count: Cell::new(0) }
    }

    /// Reserves so many bytes for a body of the caller; `now` is in Unix seconds.
    ///
    /// Refused if the caller holds too much, and a fault that passes if the instance does.
    pub fn reserve(&self, kind: Kind, caller: Subject, bytes: usize, now: i64) -> Result<Reservation<'_>, Failure> {
        let mut held = self.held.borrow_mut();
        held.retain(|one| one.expires > now);
        let holds = |all: &mut dyn Iterator<Item = &Held>| all.fold(bytes, |sum, one| sum.saturating_add(one.bytes));
        let same_kind = || held.iter().filter(|one| one.kind == kind);
        if holds(&mut same_kind().filter(|one| one.caller == caller)) > kind.of_account() {
            return Err(Refusal::TooManyRequests.into());
        }
        if holds(&mut same_kind()) > kind.of_instance() {
            return Err(Fault::Full.into());
        }
        let number = self.count.get();
        self.count.set(number.wrapping_add(1));
        let seconds = i64::try_from(seconds_for(bytes)).unwrap_or(i64::MAX);
        let expires = now.saturating_add(seconds).saturating_add(AFTERWARDS);
        held.push(Held { number, kind, caller, bytes, expires });
        Ok(Reservation { of: self, number })
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        self.of.held.borrow_mut().retain(|one| one.number != self.number);
    }
}
