//! Hashing of passwords: in slices, one password at a time, with the same result as the crate `bcrypt`. Time is
//! simulated, so that a test can lose a request or stop the whole instance.

use super::ready;
use bcrypt::{Version, hash_with_salt};
use perfil::auth::{self, EventLoop, Rounds, Turn, Turns};
use perfil::domain::{Fault, text};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// bcrypt's lowest cost.
const MIN_COST: u8 = 4;

/// Returns the crate's hash.
fn expected(password: &[u8], cost: u8, salt: [u8; 16]) -> String {
    hash_with_salt(password, cost.into(), salt).unwrap().format_for_version(Version::TwoB)
}

/// Returns Perfil's hash, made in slices of this many rounds.
fn sliced(password: &[u8], cost: u8, salt: [u8; 16], slice: u32) -> String {
    let mut rounds = Rounds::new(password, cost, salt);
    std::iter::repeat_with(|| rounds.advance(slice)).take(1 << cost).flatten().next().unwrap()
}

#[test]
fn a_sliced_hash_equals_the_crates_hash() {
    let long: Vec<u8> = (1..=100).collect();
    let lengths = [0, 1, 71, 72, 73, 100].map(|length| long[..length].to_vec());
    let others = ["a\0b", "\0", "\0\0", "contraseña 🔑", "é", "\u{10ffff}"].map(|text| text.as_bytes().to_vec());
    // The 72nd byte is the first half of a character.
    let halved = format!("{}é and more", "r".repeat(71)).into_bytes();
    for password in lengths.into_iter().chain(others).chain([halved, vec![0xff; 72], vec![0; 80]]) {
        for salt in [[0; 16], [0xff; 16], *b"sixteen bytes...", [0x80; 16]] {
            assert_eq!(sliced(&password, MIN_COST, salt, 3), expected(&password, MIN_COST, salt), "{password:?}");
        }
    }
    assert_eq!(sliced(b"at the real cost", 12, [7; 16], 64), expected(b"at the real cost", 12, [7; 16]));
}

proptest! {
    #[test]
    fn the_hash_of_any_password_in_slices_of_any_size_equals_the_crates(
        password in prop::collection::vec(any::<u8>(), 0..=100),
        salt in any::<[u8; 16]>(),
        cost in MIN_COST..=6,
        slice in 1..=70_u32,
    ) {
        prop_assert_eq!(sliced(&password, cost, salt, slice), expected(&password, cost, salt));
    }
}

/// An instance whose clock is set by the test.
#[derive(Default)]
pub struct Instance {
    turns: Turns,
    now: Cell<i64>,
    pauses: Cell<u32>,
    /// The slices of work: which request did one, and when.
    log: RefCell<Vec<(usize, i64)>>,
}

impl EventLoop for Instance {
    fn turns(&self) -> &Turns {
        &self.turns
    }

    fn now(&self) -> i64 {
        self.now.get()
    }

    async fn pause(&self, milliseconds: u64) {
        self.pauses.set(self.pauses.get() + 1);
        let until = self.now.get() + i64::try_from(milliseconds).unwrap().max(1);
        std::future::poll_fn(|_| if self.now.get() < until { Poll::Pending } else { Poll::Ready(()) }).await;
    }
}

/// A request that hashes.
pub type Request<'a> = Pin<Box<dyn Future<Output = Result<(), Fault>> + 'a>>;

impl Instance {
    /// A request that does this many slices of work in its turn.
    pub fn request(&self, name: usize, slices: usize) -> Request<'_> {
        Box::pin(async move {
            let turn = Turn::new(self);
            turn.wait().await?;
            for _ in 0..slices {
                self.log.borrow_mut().push((name, self.now.get()));
                self.pause(0).await;
                turn.wait().await?;
            }
            Ok(())
        })
    }

    /// Polls every request that has not finished, then advances the clock by a millisecond.
    fn tick(&self, requests: &mut [Request<'_>], results: &mut [Option<Result<(), Fault>>]) {
        for (request, result) in requests.iter_mut().zip(results).filter(|(_, result)| result.is_none()) {
            if let Poll::Ready(value) = request.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                *result = Some(value);
            }
        }
        self.now.set(self.now.get() + 1);
    }

    /// Ticks once for each millisecond.
    pub fn run(&self, requests: &mut [Request<'_>], milliseconds: i64) -> Vec<Option<Result<(), Fault>>> {
        let mut results = vec![None; requests.len()];
        (0..milliseconds).for_each(|_| self.tick(requests, &mut results));
        results
    }

    /// Returns the requests in the order in which they worked.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<_> = self.log.borrow().iter().map(|(name, _)| *name).collect();
        order.dedup();
        order
    }

    /// Returns the time of a request's first slice.
    fn started_at(&self, name: usize) -> Option<i64> {
        self.log.borrow().iter().find(|(other, _)| *other == name).map(|(_, at)| *at)
    }
}

fn all_done(results: &[Option<Result<(), Fault>>]) -> bool {
    results.iter().all(|result| matches!(result, Some(Ok(()))))
}

fn is_busy(result: &Option<Result<(), Fault>>) -> bool {
    matches!(result, Some(Err(Fault::Busy)))
}

#[test]
fn passwords_are_hashed_one_at_a_time_in_order_of_arrival() {
    let instance = Instance::default();
    let mut requests: Vec<_> = (0..20).map(|name| instance.request(name, 60)).collect();
    assert!(all_done(&instance.run(&mut requests, 20 * 60 * 2)));
    assert_eq!(instance.order(), (0..20).collect::<Vec<_>>());
    assert_eq!(instance.log.borrow().len(), 20 * 60);
    // If all 20 checked every 10 ms, they would pause 24,000 times in addition to the 1200 slices.
    assert!(instance.pauses.get() < 10_000, "{}", instance.pauses.get());
}

#[test]
fn a_dropped_request_releases_its_turn_immediately() {
    let instance = Instance::default();
    let mut first = vec![instance.request(0, 1000)];
    instance.run(&mut first, 5);
    drop(first);
    instance.run(&mut [instance.request(1, 3)], 5);
    assert_eq!(instance.started_at(1), Some(5));
}

#[test]
fn cancelled_requests_lose_their_turns_and_their_places_in_the_queue() {
    let instance = Instance::default();
    let mut requests: Vec<_> = (0..10).map(|name| instance.request(name, 100)).collect();
    instance.run(&mut requests, 30);
    // From here on, the platform polls only the last two.
    assert!(all_done(&instance.run(&mut requests[8..], 2000)));
    assert_eq!(instance.order(), [0, 8, 9]);
    let started = instance.started_at(8).unwrap();
    assert!((1000..=30 + 1000 + 250).contains(&started), "it started after {started} ms");
}

#[test]
fn a_late_request_resumes_first_and_no_other_hashes_at_the_same_time() {
    let instance = Instance::default();
    let mut requests = vec![instance.request(0, 50), instance.request(1, 50), instance.request(2, 50)];
    instance.run(&mut requests, 20);
    // The timers of the first request are so late that it loses its turn.
    instance.run(&mut requests[1..], 1020);
    assert_eq!(instance.order(), [0, 1]);
    let before = instance.log.borrow().len();
    assert!(all_done(&instance.run(&mut requests, 1000)));
    assert_eq!(instance.order(), [0, 1, 0, 1, 2]);
    // The second request stops in the middle of its work, after one more slice at most.
    let log = instance.log.borrow();
    let late = log[before..].iter().position(|(name, _)| *name == 0).unwrap();
    assert!(late <= 1, "{late} slices at the same time");
}

#[test]
fn a_request_that_waits_too_long_is_refused() {
    let instance = Instance::default();
    let mut requests = vec![instance.request(0, 20_000), instance.request(1, 1)];
    assert!(!instance.run(&mut requests, 14_990).iter().any(Option::is_some));
    let results = instance.run(&mut requests, 500);
    assert!(is_busy(&results[1]) && results[0].is_none(), "{results:?}");
    // Its place is free again, and the request that is hashing has no deadline.
    instance.run(&mut requests[..1], 5000);
    assert!(all_done(&instance.run(&mut [instance.request(2, 1)], 1100)));
}

#[test]
fn requests_that_cannot_be_served_in_time_are_refused_immediately() {
    let instance = Instance::default();
    let mut requests: Vec<_> = (0..65).map(|name| instance.request(name, 100)).collect();
    instance.run(&mut requests, 1);
    for _ in 0..100 {
        let pauses = instance.pauses.get();
        assert!(is_busy(&instance.run(&mut [instance.request(99, 1)], 1)[0]));
        assert_eq!(instance.pauses.get(), pauses);
    }
    // As soon as a place is free, the next request waits with the others.
    requests.truncate(64);
    let next = instance.run(&mut [instance.request(99, 1)], 1);
    assert!(next[0].is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Clients may disconnect at any moment. The others must be served nevertheless, one at a time and in order.
    #[test]
    fn requests_that_are_not_cancelled_are_served_in_order(
        plans in prop::collection::vec((1..30_usize, prop::option::of(0..400_i64)), 1..30),
    ) {
        let instance = Instance::default();
        let mut requests: Vec<_> =
            plans.iter().enumerate().map(|(name, (slices, _))| Some(instance.request(name, *slices))).collect();
        let mut served = Vec::new();
        // These are not dropped, because the platform does not drop cancelled requests either.
        let mut cancelled = Vec::new();
        for now in 0..4000 {
            for (name, slot) in requests.iter_mut().enumerate() {
                if plans[name].1 == Some(now) {
                    cancelled.extend(slot.take());
                }
                let Some(request) = slot else { continue };
                if let Poll::Ready(result) = request.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                    prop_assert!(result.is_ok());
                    served.push(name);
                    *slot = None;
                }
            }
            instance.now.set(now + 1);
        }
        prop_assert!(requests.iter().all(Option::is_none), "a request waits forever");
        prop_assert!(served.is_sorted(), "{:?}", served);
        let order = instance.order();
        prop_assert!(order.is_sorted(), "two at a time, or out of order: {:?}", order);
    }
}

#[test]
fn a_password_is_hashed_at_cost_12_with_its_own_salt_and_yields_to_other_requests() {
    let instance = Instance::default();
    let typed = "contraseña 🔑";
    let hashes = [(); 2].map(|()| {
        let password = text::password(typed, 6, 100).unwrap();
        let mut hash = None;
        let mut request: Request<'_> = Box::pin(async {
            hash = Some(auth::hash(&password, &instance).await?);
            Ok(())
        });
        while instance.run(std::slice::from_mut(&mut request), 1)[0].is_none() {}
        drop(request);
        hash.unwrap().reveal().to_owned()
    });
    assert_eq!(instance.pauses.get(), 2 * 40);
    assert_ne!(hashes[0][..29], hashes[1][..29]);
    for hash in &hashes {
        assert!(hash.starts_with("$2b$12$") && hash.len() == 60, "{hash}");
        assert!(bcrypt::verify(typed, hash).unwrap() && !bcrypt::verify("another", hash).unwrap());
    }
}

#[test]
fn a_request_does_not_wait_if_no_other_is_hashing() {
    let instance = Instance::default();
    assert!(ready(Turn::new(&instance).wait()).is_ok());
}
