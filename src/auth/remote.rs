//! A key set that is served by a URL. Decides when to fetch it, and how requests wait for it.

use super::KeyService;
use super::key_set::KeySet;
use crate::domain::{Fault, is_secure};
use std::cell::RefCell;
use std::rc::Rc;

/// Maximum size of a set, in bytes. An issuer's set has a few KiB.
pub const MAX_BYTES: usize = 64 * 1024;

// The following times are in seconds.
/// Age at which the set is fetched again. A key that the issuer has removed can verify tokens until then.
const MAX_AGE: i64 = 10 * 60;
/// Minimum time between fetches, for a key that the set does not contain or after a failed fetch.
const PAUSE: i64 = 60;
/// Like [`PAUSE`], but while there is no set at all. It is shorter, because no token that needs the set can be
/// verified.
const FIRST_PAUSE: i64 = 5;
/// Longer than any fetch can take. A fetch that has not ended by then was cancelled by the platform.
const MAX_FETCH_TIME: i64 = 10;

/// Maximum number of times that a waiting request checks for the set: enough to outlast any fetch.
const MAX_POLLS: usize = 1000;

/// A key set that is fetched on demand.
pub struct RemoteKeySet {
    url: String,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    set: Option<Rc<KeySet>>,
    /// When the fetch of the current set started.
    as_of: i64,
    fetch_started: Option<i64>,
    is_fetching: bool,
    /// The reason the last fetch failed.
    fault: Option<Fault>,
}

impl RemoteKeySet {
    /// Creates a key set that has not been fetched yet. Keys must come over TLS, so the URL must be `https`, unless its
    /// host is this machine.
    pub fn new(url: String) -> Option<Self> {
        is_secure(&url).then(|| Self { url, state: RefCell::default() })
    }

    /// Returns the set to look up a key in. It is fetched first if there is none yet, if it is too old, or if it does
    /// not contain the key. If the fetch fails, the previous set is returned.
    pub async fn key_set(
        &self,
        now: i64,
        has_key: impl Fn(&KeySet) -> bool,
        service: &impl KeyService,
    ) -> Result<Rc<KeySet>, Fault> {
        if self.state.borrow_mut().claim_fetch(now, &has_key) {
            service.fetch(&self.url);
        }
        for _ in 0..MAX_POLLS {
            if !self.state.borrow().is_worth_waiting(now, &has_key) {
                break;
            }
            service.pause().await;
        }
        let state = self.state.borrow();
        let fault = || {
            state.fault.clone().unwrap_or(Fault::Timeout { service: "key set", seconds: MAX_FETCH_TIME.unsigned_abs() })
        };
        state.set.clone().ok_or_else(fault)
    }

    /// Takes the result of a fetch. An error is for the log. The previous set is kept until a new one arrives. A set
    /// without a usable key counts as a failed fetch (contract O4), because an issuer that briefly publishes no keys
    /// must not log everyone out.
    pub fn receive(&self, fetched: Result<Vec<u8>, Fault>) -> Result<(), Fault> {
        let fetched = fetched.and_then(|json| usable(&json).map_err(fault));
        let mut state = self.state.borrow_mut();
        state.is_fetching = false;
        state.fault = fetched.as_ref().err().cloned();
        let set = fetched?;
        let has_secrets = set.has_secrets();
        state.as_of = state.fetch_started.unwrap_or_default();
        state.set = Some(Rc::new(set));
        if has_secrets { Err(fault("contains a private or symmetric key, which is ignored")) } else { Ok(()) }
    }
}

fn usable(json: &[u8]) -> Result<KeySet, &'static str> {
    let set = KeySet::parse(json)?;
    if set.is_empty() { Err("contains no usable key for RS256, ES256 or EdDSA") } else { Ok(set) }
}

fn fault(problem: &str) -> Fault {
    Fault::KeySet(format!("JWT_JWKS_URL {problem}"))
}

impl State {
    /// Returns whether the caller must start a fetch, and records its start. Fetches are limited because an attacker
    /// can make up any number of keys.
    fn claim_fetch(&mut self, now: i64, has_key: impl Fn(&KeySet) -> bool) -> bool {
        let pause = if self.set.is_some() { PAUSE } else { FIRST_PAUSE };
        let may_retry = self.fetch_started.is_none_or(|started| now.saturating_sub(started) >= pause);
        let is_due = may_retry && !self.is_fetching(now) && (self.is_old(now) || !self.contains_key(&has_key));
        if is_due {
            self.fetch_started = Some(now);
            self.is_fetching = true;
        }
        is_due
    }

    /// Returns whether to wait for a fetch that is in flight. If the set contains the key and is merely old, and the
    /// last fetch failed, the request does not wait: old keys are kept for that case.
    fn is_worth_waiting(&self, now: i64, has_key: impl Fn(&KeySet) -> bool) -> bool {
        self.is_fetching(now) && (!self.contains_key(&has_key) || (self.is_old(now) && self.fault.is_none()))
    }

    fn is_fetching(&self, now: i64) -> bool {
        self.is_fetching && self.fetch_started.is_some_and(|started| now.saturating_sub(started) <= MAX_FETCH_TIME)
    }

    fn is_old(&self, now: i64) -> bool {
        now.saturating_sub(self.as_of) >= MAX_AGE
    }

    fn contains_key(&self, has_key: impl Fn(&KeySet) -> bool) -> bool {
        self.set.as_ref().is_some_and(|set| has_key(set))
    }
}
