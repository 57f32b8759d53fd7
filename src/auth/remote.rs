//! The key set that a URL serves: when it is fetched, and what is done until it is there.

use super::KeyService;
use super::key_set::KeySet;
use crate::domain::{Fault, is_secure};
use std::cell::RefCell;
use std::rc::Rc;

/// The largest set that is read; an issuer's has a few KiB.
pub const MAX_BYTES: usize = 64 * 1024;

// In seconds.
/// How long a key that was taken from the set may still verify.
const MAX_AGE: i64 = 10 * 60;
/// How often it is asked for a key that is not there, or again after it could not be fetched.
const PAUSE: i64 = 60;
/// How often while there is none at all: nobody gets in.
const FIRST_PAUSE: i64 = 5;
/// More than a fetch can take: one that is older went down with its instance.
const LONGEST: i64 = 10;

/// How often a request that waits looks: more than a fetch can take.
const MOST_LOOKS: usize = 1000;

/// A key set that is fetched when it is needed.
pub struct Remote {
    url: String,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    set: Option<Rc<KeySet>>,
    /// When what is there was asked for.
    as_of: i64,
    asked: Option<i64>,
    is_asking: bool,
    /// Why the last fetch came to nothing.
    fault: Option<Fault>,
}

impl Remote {
    /// Nothing was fetched yet. Keys have to come over TLS: from elsewhere than this machine only `https` is taken.
    pub fn new(url: String) -> Option<Self> {
        is_secure(&url).then(|| Self { url, state: RefCell::default() })
    }

    /// The set to look for a key in, fetched before where that is due: where there is none, where it is too old, and
    /// where it does not know the key. Where it cannot be fetched, it is the one that was there before.
    pub async fn set(
        &self,
        now: i64,
        knows: impl Fn(&KeySet) -> bool,
        service: &impl KeyService,
    ) -> Result<Rc<KeySet>, Fault> {
        if self.state.borrow_mut().begins(now, &knows) {
            service.fetch(&self.url);
        }
        for _ in 0..MOST_LOOKS {
            if !self.state.borrow().is_worth_waiting(now, &knows) {
                break;
            }
            service.pause().await;
        }
        let state = self.state.borrow();
        let fault =
            || state.fault.clone().unwrap_or(Fault::Late { service: "key set", seconds: LONGEST.unsigned_abs() });
        state.set.clone().ok_or_else(fault)
    }

    /// What came of a fetch. An error is for the log; the set that was there before stays, unless there is a new one. A
    /// set without a usable key is a failed fetch (contract O4): an issuer that has lost its keys for a moment must not
    /// log everybody out.
    pub fn receive(&self, answer: Result<Vec<u8>, Fault>) -> Result<(), Fault> {
        let fetched = answer.and_then(|json| usable(&json).map_err(fault));
        let mut state = self.state.borrow_mut();
        state.is_asking = false;
        state.fault = fetched.as_ref().err().cloned();
        let set = fetched?;
        let has_secrets = set.has_secrets();
        state.as_of = state.asked.unwrap_or_default();
        state.set = Some(Rc::new(set));
        if has_secrets { Err(fault("publishes a private or a shared key, which is not used")) } else { Ok(()) }
    }
}

fn usable(json: &[u8]) -> Result<KeySet, &'static str> {
    let set = KeySet::parse(json)?;
    if set.is_empty() { Err("holds no key for RS256, ES256 or EdDSA that may be used") } else { Ok(set) }
}

fn fault(problem: &str) -> Fault {
    Fault::KeySet(format!("JWT_JWKS_URL {problem}"))
}

impl State {
    /// Whether a fetch is due, and may begin: then it has. An attacker may make up as many keys as he likes.
    fn begins(&mut self, now: i64, knows: impl Fn(&KeySet) -> bool) -> bool {
        let pause = if self.set.is_some() { PAUSE } else { FIRST_PAUSE };
        let may = self.asked.is_none_or(|asked| now.saturating_sub(asked) >= pause);
        let begins = may && !self.is_asking(now) && (self.is_old(now) || !self.knows(&knows));
        if begins {
            self.asked = Some(now);
            self.is_asking = true;
        }
        begins
    }

    /// Whether a fetch is on its way that will say more. Not where the keys are only old and the last one failed: that
    /// is what old keys are kept for.
    fn is_worth_waiting(&self, now: i64, knows: impl Fn(&KeySet) -> bool) -> bool {
        self.is_asking(now) && (!self.knows(&knows) || (self.is_old(now) && self.fault.is_none()))
    }

    fn is_asking(&self, now: i64) -> bool {
        self.is_asking && self.asked.is_some_and(|asked| now.saturating_sub(asked) <= LONGEST)
    }

    fn is_old(&self, now: i64) -> bool {
        now.saturating_sub(self.as_of) >= MAX_AGE
    }

    fn knows(&self, knows: impl Fn(&KeySet) -> bool) -> bool {
        self.set.as_ref().is_some_and(|set| knows(set))
    }
}
