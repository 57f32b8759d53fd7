use super::events::LimitLine;
use crate::serve::{Class, Limits};
use std::cell::RefCell;
use std::net::Ipv6Addr;
use wasm_bindgen::JsValue;
use worker::js_sys::Reflect;
use worker::web_sys::Headers;
use worker::{Env, RateLimiter};

/// The platform's rate limits, bound as in wrangler.toml. They count separately in each data center where the worker
/// runs, and approximately: they protect against floods of requests but are not an exact quota.
pub struct RateLimits {
    updates: RateLimit,
    costly: RateLimit,
    failed_auth: RateLimit,
}

struct RateLimit {
    name: &'static str,
    /// `None` if the binding does not exist.
    limiter: Option<worker::Result<RateLimiter>>,
}

thread_local! {
    /// The missing bindings that have been logged.
    static LOGGED: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// The rate limits as they apply to one client.
pub struct ClientLimits<'a> {
    pub limits: &'a RateLimits,
    pub headers: &'a Headers,
}

impl RateLimits {
    /// Looks up the bindings.
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
    /// Counts a request and returns whether it is allowed. Fails open: if the binding is missing, every request is
    /// allowed, and each instance logs that once. If the call fails, the request is allowed and the failure is logged.
    async fn allow(&self, key: impl FnOnce() -> String) -> bool {
        let outcome = match &self.limiter {
            None => {
                log_missing_binding(self.name);
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

fn log_missing_binding(name: &'static str) {
    LOGGED.with_borrow_mut(|logged| {
        if !logged.contains(&name) {
            logged.push(name);
            LimitLine::missing(name).write();
        }
    });
}

/// Returns the client's address as reported by the platform. An IPv6 address is reduced to its /64 network, the least
/// that one customer gets: otherwise, a client could evade any limit by changing its address within the network.
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
