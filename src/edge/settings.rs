use super::cors::Cors;
use crate::auth::{self, Keys};
use crate::domain::Fault;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use worker::Env;
use worker::js_sys::Reflect;

/// What the variables and secrets of a deployment say, prepared for use.
pub struct Settings {
    /// The keys that tokens are verified with, or why there are none.
    pub keys: Result<Keys, Fault>,
    /// Who may call from a browser.
    pub cors: Cors,
    /// The largest picture that may be uploaded, in bytes (contract R3).
    pub upload_limit: Result<usize, Fault>,
    /// How old an object must be that is swept away, in milliseconds (contract M5).
    pub grace: Result<i64, Fault>,
}

const UPLOAD_LIMIT: &str = "AVATAR_MAX_BYTES";
const GRACE: &str = "AVATAR_GRACE_HOURS";
const NAMES: [&str; 7] =
    ["JWT_SECRET", "JWT_SECRET_PREVIOUS", "JWT_ISSUER", "JWT_AUDIENCE", "CORS_ALLOWED_ORIGINS", UPLOAD_LIMIT, GRACE];
type Variables = [JsValue; 7];

/// The platform holds a picture a few times while it takes a form apart, in an instance of 128 MB.
const MOST_BYTES: u32 = 16 * 1024 * 1024;
const HOUR: i64 = 60 * 60 * 1000;

thread_local! {
    static PREPARED: RefCell<Option<(Variables, Rc<Settings>)>> = const { RefCell::new(None) };
}

impl Settings {
    /// Prepared once, and again when a variable is another: the platform may keep an instance warm while a secret
    /// is rotated. Comparing costs no copy: the values stay where they are.
    pub fn of(env: &Env) -> Rc<Self> {
        let variables = NAMES.map(|name| Reflect::get(env, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED));
        PREPARED.with_borrow_mut(|prepared| match prepared {
            Some((known, settings)) if *known == variables => Rc::clone(settings),
            _ => {
                let settings = Rc::new(Self::prepare(&variables));
                *prepared = Some((variables, Rc::clone(&settings)));
                settings
            }
        })
    }

    fn prepare(variables: &Variables) -> Self {
        let [secret, previous_secret, issuer, audience, origins, limit, grace] = variables.each_ref().map(text);
        let keys = Keys::new(auth::Settings { secret, previous_secret, issuer, audience });
        let cors = Cors::parse(&origins.unwrap_or_default());
        let upload_limit = match number(limit, 5 * 1024 * 1024) {
            Some(limit @ 1..=MOST_BYTES) => usize::try_from(limit).ok(),
            _ => None,
        };
        let problem = "is no number of bytes from 1 to 16777216";
        let upload_limit = upload_limit.ok_or(Fault::Setting { name: UPLOAD_LIMIT, problem });
        let grace = number(grace, 24).map(|hours| i64::from(hours).saturating_mul(HOUR));
        let grace = grace.ok_or(Fault::Setting { name: GRACE, problem: "is no number of hours" });
        Self { keys, cors, upload_limit, grace }
    }
}

/// A variable may be written as a text or as a number.
fn text(variable: &JsValue) -> Option<String> {
    variable.as_string().or_else(|| variable.as_f64().map(|number| number.to_string()))
}

/// A whole number; `None` for anything else. Empty is not set.
fn number(variable: Option<String>, default: u32) -> Option<u32> {
    match variable.as_deref().map(str::trim) {
        None | Some("") => Some(default),
        Some(digits) => digits.parse().ok(),
    }
}
