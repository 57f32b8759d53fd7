use super::log::LimitLine;
use crate::serve::{Class, Limits};
use std::cell::RefCell;
use wasm_bindgen::JsValue;
use worker::Env;
use worker::js_sys::Reflect;

/// The platform's rate limits, by the bindings that wrangler.toml names. They count for each place where the worker
/// runs, and roughly: they keep crowds out, and are no ledger.
pub struct RateLimits<'a>(pub &'a Env);

thread_local! {
    /// The bindings whose absence was told.
    static ABSENT: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

impl Limits for RateLimits<'_> {
    /// Without a binding everything is allowed, and the log says so once for each instance. One that fails is no
    /// reason to turn people away, and is told every time.
    async fn allow(&self, class: Class, key: &str) -> bool {
        let name = binding(class);
        let bound = Reflect::get(self.0, &JsValue::from_str(name)).is_ok_and(|binding| !binding.is_undefined());
        if !bound {
            tell_absence(name);
            return true;
        }
        let outcome = match self.0.rate_limiter(name) {
            Ok(limiter) => limiter.limit(key.to_owned()).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(outcome) => outcome.success,
            Err(error) => {
                LimitLine::failed(name, &error).write();
                true
            }
        }
    }
}

fn binding(class: Class) -> &'static str {
    match class {
        Class::Update => "RATE_UPDATES",
        Class::Costly => "RATE_COSTLY",
        Class::FailedAuth => "RATE_FAILED_AUTH",
    }
}

fn tell_absence(name: &'static str) {
    ABSENT.with_borrow_mut(|absent| {
        if !absent.contains(&name) {
            absent.push(name);
            LimitLine::absent(name).write();
        }
    });
}
