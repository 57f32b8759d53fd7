use super::events::LimitLine;
use crate::serve::{Class, Limits};
use std::cell::RefCell;
use std::net::Ipv6Addr;
use wasm_bindgen::JsValue;
use worker::js_sys::Reflect;
use worker::web_sys::Headers;
use worker::{Env, RateLimiter};

/// The platform's rate limits, by the bindings that wrangler.toml names. They count for each place where the worker
/// runs, and roughly: they keep crowds out, and are no ledger.
pub struct RateLimits {
    updates: RateLimit,
    costly: RateLimit,
    failed_auth: RateLimit,
}

struct RateLimit {
    name: &'static str,
    /// `None` where there is no such binding.
    limiter: Option<worker::Result<RateLimiter>>,
}

thread_local! {
    /// The bindings whose absence was told.
    static ABSENT: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// The rate limits, for one client.
pub struct ClientLimits<'a> {
    pub limits: &'a RateLimits,
    pub headers: &'a Headers,
}

impl RateLimits {
    /// Looks the bindings up.
    pub fn new(env: &Env) -> Self {
        let limit = |name| {
            let binding = Reflect::get(env, &JsValue::from_str(name));
            let is_bound = binding.is_ok_and(|binding| !binding.is_undefined());
            RateLimit { name, limiter: is_bound.then(|| env.rate_limiter(name)) }
        };
        Self { updates: limit("RATE_UPDATES"), costly: limit("RATE_COSTLY"), failed_auth: limit("RATE_FAILED_AUTH") }
    }
}

impl Limits for ClientLimits<'_> {
    async fn allow(&self, class: Class<'_>) -> bool {
        let limit = match class {
            Class::Update(..) => &self.limits.updates,
            Class::Costly(_) => &self.limits.costly,
            Class::FailedAuth => &self.limits.failed_auth,
        };
        limit.allow(|| class.key().unwrap_or_else(|| client(self.headers))).await
    }
}

impl RateLimit {
    /// Without a binding everything is allowed, and the log says so once for each instance. One that fails is no
    /// reason to turn people away, and is told every time.
    async fn allow(&self, key: impl FnOnce() -> String) -> bool {
        let outcome = match &self.limiter {
            None => {
                tell_absence(self.name);
                return true;
            }
            Some(Ok(limiter)) => limiter.limit(key()).await.map_err(|error| error.to_string()),
            Some(Err(error)) => Err(error.to_string()),
        };
        match outcome {
            Ok(outcome) => outcome.success,
            Err(cause) => {
                LimitLine::failed(self.name, cause).write();
                true
            }
        }
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

/// The client's address, as the platform tells it. Of an IPv6 address it is the network of 64 bits that one customer
/// gets at least: who has one has more addresses than any limit could count.
fn client(headers: &Headers) -> String {
    let address = headers.get("cf-connecting-ip").ok().flatten().unwrap_or_else(|| "unknown".to_owned());
    match address.parse::<Ipv6Addr>() {
        Ok(address) if address.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        _ => address,
    }
}
