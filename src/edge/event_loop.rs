use super::clock::now;
use crate::auth::{EventLoop, Turns};
use std::rc::Rc;
use std::time::Duration;
use worker::Delay;

thread_local! {
    /// Belongs to the instance and not to a deployment, because two deployments share the thread while a secret is
    /// rotated.
    static TURNS: Rc<Turns> = Rc::default();
}

/// The instance's event loop, as one request uses it.
pub struct Timers(Rc<Turns>);

impl Timers {
    /// Creates an event loop that shares its turns with all other requests of the instance.
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

    /// Waits for a timer, because awaiting a settled promise does not let other requests run.
    async fn pause(&self, milliseconds: u64) {
        Delay::from(Duration::from_millis(milliseconds)).await;
    }
}
