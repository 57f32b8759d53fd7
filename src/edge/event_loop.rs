use super::clock::now;
use crate::auth::{EventLoop, Turns};
use std::rc::Rc;
use std::time::Duration;
use worker::Delay;

thread_local! {
    /// The queue for hashing passwords. It belongs to the instance, not to a `Deployment`, because two deployments
    /// share the thread while a secret is rotated.
    static TURNS: Rc<Turns> = Rc::default();
}

/// One request's handle to the instance's event loop.
pub struct Timers(Rc<Turns>);

impl Timers {
    /// Creates a handle that shares its queue with all other requests of the instance.
    pub fn new() -> Self {
        Self(TURNS.with(Rc::clone))
    }
}

impl EventLoop for Timers {
    fn turns(&self) -> &Turns {
        &self.0
    }

    fn now(&self) -> i64 {
        now()
    }

    /// Waits for a timer, because awaiting a promise that is already resolved does not let other requests run.
    async fn pause(&self, milliseconds: u64) {
        Delay::from(Duration::from_millis(milliseconds)).await;
    }
}
