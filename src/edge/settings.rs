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
}

const NAMES: [&str; 5] = ["JWT_SECRET", "JWT_SECRET_PREVIOUS", "JWT_ISSUER", "JWT_AUDIENCE", "CORS_ALLOWED_ORIGINS"];
type Variables = [JsValue; 5];

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
        let [secret, previous_secret, issuer, audience, origins] = variables.each_ref().map(JsValue::as_string);
        let keys = Keys::new(auth::Settings { secret, previous_secret, issuer, audience });
        let cors = Cors::parse(&origins.unwrap_or_default());
        Self { keys, cors }
    }
}
