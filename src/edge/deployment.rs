use super::cors::Cors;
use super::keys::Imported;
use super::limits::RateLimits;
use crate::auth::{self, Keys};
use crate::domain::Fault;
use crate::store::d1::Accounts;
use crate::store::r2::Pictures;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use worker::js_sys::{JSON, Reflect};
use worker::{Bucket, Env};

/// What a deployment hands to the worker, prepared for use: variables, secrets and bindings.
pub struct Deployment {
    /// The keys that tokens are verified with, or why there are none.
    pub keys: Result<Keys, Fault>,
    /// Those of them that the platform verifies with.
    pub imported: Imported,
    /// Who may call from a browser.
    pub cors: Cors,
    /// The largest picture that may be uploaded, in bytes (contract R3).
    pub upload_limit: Result<usize, Fault>,
    /// How old an object must be that is swept away, in milliseconds (contract M5).
    pub grace: Result<i64, Fault>,
    /// Whether clients are told how long the database took.
    pub server_timing: bool,
    /// How often somebody may ask.
    pub limits: RateLimits,
    accounts: Result<Accounts, Fault>,
    pictures: Result<Pictures, Fault>,
}

// The bindings, as wrangler.toml names them too.
const DATABASE: &str = "DB";
const BUCKET: &str = "AVATARS";

const UPLOAD_LIMIT: &str = "AVATAR_MAX_BYTES";
const GRACE: &str = "AVATAR_GRACE_HOURS";

/// The platform holds a picture a few times while it takes a form apart, in an instance of 128 MB.
const MOST_BYTES: u32 = 16 * 1024 * 1024;
const HOUR: i64 = 60 * 60 * 1000;

thread_local! {
    static PREPARED: RefCell<Option<(Env, Rc<Deployment>)>> = const { RefCell::new(None) };
}

impl Deployment {
    /// Prepared once, and again when the platform hands over another `env`: it may keep an instance warm while a
    /// secret is rotated.
    pub fn of(env: &Env) -> Rc<Self> {
        PREPARED.with_borrow_mut(|prepared| match prepared {
            Some((known, deployment)) if **known == **env => Rc::clone(deployment),
            _ => {
                let deployment = Rc::new(Self::prepare(env));
                *prepared = Some((env.clone(), Rc::clone(&deployment)));
                deployment
            }
        })
    }

    fn prepare(env: &Env) -> Self {
        let value = |name| Reflect::get(env, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED);
        let variable = |name| text(&value(name));
        let keys = Keys::new(auth::Settings {
            secret: variable("JWT_SECRET"),
            previous_secret: variable("JWT_SECRET_PREVIOUS"),
            key_set: variable("JWT_JWKS").or_else(|| json(&value("JWT_JWKS"))),
            key_set_url: variable("JWT_JWKS_URL"),
            issuer: variable("JWT_ISSUER"),
            audience: variable("JWT_AUDIENCE"),
        });
        let cors = Cors::parse(&variable("CORS_ALLOWED_ORIGINS").unwrap_or_default());
        let upload_limit = match number(variable(UPLOAD_LIMIT), 5 * 1024 * 1024) {
            Some(limit @ 1..=MOST_BYTES) => usize::try_from(limit).ok(),
            _ => None,
        };
        let problem = "is no number of bytes from 1 to 16777216";
        let upload_limit = upload_limit.ok_or(Fault::Setting { name: UPLOAD_LIMIT, problem });
        let grace = number(variable(GRACE), 24).map(|hours| i64::from(hours).saturating_mul(HOUR));
        let grace = grace.ok_or(Fault::Setting { name: GRACE, problem: "is no number of hours" });
        let server_timing = variable("SERVER_TIMING").is_some_and(|value| value == "on");
        let limits = RateLimits::new(env);
        let problem = "is not bound to a D1 database";
        let accounts = env.d1(DATABASE).map_err(|_| Fault::Setting { name: DATABASE, problem }).map(Accounts::new);
        let problem = "is not bound to an R2 bucket";
        let pictures = env.bucket(BUCKET).map_err(|_| Fault::Setting { name: BUCKET, problem }).map(Pictures::new);
        let imported = Imported::default();
        Self { keys, imported, cors, upload_limit, grace, server_timing, limits, accounts, pictures }
    }

    /// The database of the accounts.
    pub fn database(&self) -> Result<&Accounts, Fault> {
        self.accounts.as_ref().map_err(Clone::clone)
    }

    /// The bucket, for those who change it.
    pub fn pictures(&self) -> Result<&Pictures, Fault> {
        self.pictures.as_ref().map_err(Clone::clone)
    }

    /// The bucket, for those who look into it.
    pub fn bucket(&self) -> Result<&Bucket, Fault> {
        self.pictures().map(Pictures::bucket)
    }
}

/// A variable may be written as a text or as a number.
fn text(variable: &JsValue) -> Option<String> {
    variable.as_string().or_else(|| variable.as_f64().map(|number| number.to_string()))
}

/// wrangler.toml can hold a table, which comes as an object.
fn json(variable: &JsValue) -> Option<String> {
    variable.is_object().then(|| JSON::stringify(variable).ok().map(String::from))?
}

/// A whole number; `None` for anything else. Empty is not set.
fn number(variable: Option<String>, default: u32) -> Option<u32> {
    match variable.as_deref().map(str::trim) {
        None | Some("") => Some(default),
        Some(digits) => digits.parse().ok(),
    }
}
