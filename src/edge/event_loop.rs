use super::clock::now;
use crate::auth::{EventLoop, Turns};
use std::rc::Rc;
use std::time::Duration;
use worker::Delay;

thread_local! {
    /// Of the instance, not of a deployment: two deployments share the thread while a secret is rotated.
    static TURNS: Rc<Turns> = Rc::default();
}

/// The event loop of the instance, for one request.
pub struct Timers(Rc<Turns>);

impl Timers {
    /// Shares the turns with all other requests.
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

    /// With a timer: a settled promise does not let other requests run.
    async fn pause(&self, milliseconds: u64) {
        Delay::from(Duration::from_millis(milliseconds)).await;
    }
}
