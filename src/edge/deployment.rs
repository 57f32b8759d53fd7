use super::cors::Cors;
use super::d1::Database;
use super::key_service::KeyRing;
use super::limits::RateLimits;
use super::r2::AvatarBucket;
use crate::auth::{self, Keys, Secret, Signer};
use crate::domain::text as rules;
use crate::domain::{DEFAULT_MAX_PIXELS, Fault, Setting};
use crate::serve::UploadLimits;
use crate::serve::origin::{Origin, OriginSetting, PassThrough};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use worker::Env;
use worker::js_sys::{JSON, Reflect};

/// What a deployment hands to the worker, prepared for use: variables, secrets and bindings.
pub struct Deployment {
    /// The id of the deployed version, as the platform names it.
    pub version: Option<String>,
    /// The keys that tokens are verified with.
    pub keys: Rc<KeyRing>,
    /// How long ago a person may have authenticated to make a sensitive change, if that matters (contract A9).
    pub fresh_token_seconds: Result<Option<u32>, Fault>,
    /// Whether common passwords are refused (contract S7).
    pub blocks_common_passwords: Result<bool, Fault>,
    /// Who may call from a browser.
    pub cors: Cors,
    /// What is passed on to origins (contract X1, X6).
    pub pass_through: Result<PassThrough, Fault>,
    /// What our own URLs begin with, where it is set (contract M6).
    pub public_origin: Result<Option<String>, Fault>,
    /// The largest picture that may be uploaded.
    pub upload_limits: Result<UploadLimits, Fault>,
    /// How old an object must be that is swept away, in milliseconds (contract M5).
    pub grace: Result<i64, Fault>,
    /// How many days the rows of the change feed are kept (contract C1).
    pub keep_days: Result<u32, Fault>,
    /// Whether clients are told how long the database took.
    pub server_timing: bool,
    /// How often somebody may ask.
    pub limits: RateLimits,
    database: Result<Database, Fault>,
    bucket: Result<AvatarBucket, Fault>,
}

// The bindings, as wrangler.toml names them too.
const DATABASE: &str = "DB";
const AVATARS: &str = "AVATARS";
const VERSION: &str = "VERSION";

/// A picture is in memory twice while it is stored, and an instance has 128 MB for all of its requests.
const MOST_BYTES: u32 = 16 * 1024 * 1024;
/// A picture of the largest width and height.
const MOST_PIXELS: u32 = 1 << 28;
const DEFAULT_BYTES: u32 = 10 * 1024 * 1024;
const DEFAULT_HOURS: u32 = 24;
const DEFAULT_DAYS: u32 = 90;
/// In seconds.
const YEAR: u32 = 31_536_000;
/// A century.
const MOST_DAYS: u32 = 36_500;
/// In milliseconds.
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
        let variables = Variables(env);
        let problem = "is not bound to a D1 database";
        let database = env.d1(DATABASE).map_err(|_| Fault::Setting { name: DATABASE, problem }).map(Database::new);
        let problem = "is not bound to an R2 bucket";
        let bucket = env.bucket(AVATARS).map_err(|_| Fault::Setting { name: AVATARS, problem }).map(AvatarBucket::new);
        Self {
            version: variables.version(),
            keys: Rc::new(KeyRing::new(variables.keys())),
            fresh_token_seconds: variables.fresh_token_seconds(),
            blocks_common_passwords: variables.blocks_common_passwords(),
            cors: Cors::parse(&variables.text(Setting::CorsAllowedOrigins).unwrap_or_default()),
            pass_through: variables.pass_through(),
            public_origin: variables.public_origin(),
            upload_limits: variables.upload_limits(),
            grace: variables.grace(),
            keep_days: variables.keep_days(),
            server_timing: variables.text(Setting::ServerTiming).is_some_and(|value| value == "on"),
            limits: RateLimits::new(env),
            database,
            bucket,
        }
    }

    /// Where the requests go whose paths are no dialect's, and whose pictures are not here.
    pub fn only_origin(&self) -> Option<&Origin> {
        self.pass_through.as_ref().ok().and_then(PassThrough::only_origin)
    }

    /// The database of the accounts.
    pub fn database(&self) -> Result<&Database, Fault> {
        self.database.as_ref().map_err(Clone::clone)
    }

    /// The bucket of the pictures.
    pub fn bucket(&self) -> Result<&AvatarBucket, Fault> {
        self.bucket.as_ref().map_err(Clone::clone)
    }
}

/// The variables and secrets of a deployment.
struct Variables<'a>(&'a Env);

impl Variables<'_> {
    fn keys(&self) -> Result<Keys, Fault> {
        Keys::new(auth::Settings {
            secrets: auth::SIGNERS.map(|signer| (signer, self.secret(signer))).into(),
            bare_sub: self.text(Setting::JwtSub),
            key_set: self.text(Setting::JwtJwks).or_else(|| self.table(Setting::JwtJwks)),
            key_set_url: self.text(Setting::JwtJwksUrl),
            issuer: self.text(Setting::JwtIssuer),
            audience: self.text(Setting::JwtAudience),
        })
    }

    fn fresh_token_seconds(&self) -> Result<Option<u32>, Fault> {
        let setting = Setting::FreshTokenSeconds;
        let problem = "is not a number of seconds from 1 to 31536000";
        if self.is_empty(setting) {
            return Ok(None);
        }
        let seconds = self.number(setting, 0).filter(|seconds| (1..=YEAR).contains(seconds));
        seconds.map(Some).ok_or(Fault::Setting { name: setting.name(), problem })
    }

    fn blocks_common_passwords(&self) -> Result<bool, Fault> {
        let setting = Setting::PasswordBlocklist;
        let is_on = self.text(setting).is_some_and(|text| text == "on");
        let fault = Fault::Setting { name: setting.name(), problem: "is neither on nor empty" };
        if is_on || self.is_empty(setting) { Ok(is_on) } else { Err(fault) }
    }

    fn version(&self) -> Option<String> {
        let binding = Reflect::get(self.0, &JsValue::from_str(VERSION)).ok().filter(JsValue::is_object)?;
        Reflect::get(&binding, &JsValue::from_str("id")).ok()?.as_string().filter(|id| !id.is_empty())
    }

    fn secret(&self, signer: Signer) -> Secret {
        let [current, previous] = auth::secret_settings(signer).map(|setting| self.text(setting));
        Secret { current, previous }
    }

    fn pass_through(&self) -> Result<PassThrough, Fault> {
        let origin = self.each(Setting::Origin)?;
        PassThrough::new(origin, &self.text(Setting::TakeOver).unwrap_or_default())
    }

    /// A URL, or a table of one for each dialect; `None` where the setting is empty.
    fn each(&self, setting: Setting) -> Result<Option<OriginSetting>, Fault> {
        let text = self.text(setting).or_else(|| self.table(setting)).unwrap_or_default();
        let text = text.trim();
        if !text.starts_with('{') {
            return Ok((!text.is_empty()).then(|| OriginSetting::One(text.to_owned())));
        }
        let problem = "is a table whose values are not all texts";
        let urls = serde_json::from_str::<BTreeMap<String, String>>(text);
        let urls = urls.map_err(|_| Fault::Setting { name: setting.name(), problem })?;
        Ok((!urls.is_empty()).then(|| OriginSetting::Each(urls.into_iter().collect())))
    }

    fn public_origin(&self) -> Result<Option<String>, Fault> {
        let Some(origin) = self.text(Setting::PublicOrigin).filter(|origin| !origin.is_empty()) else {
            return Ok(None);
        };
        let problem = "is not an http or https URL without user name and path";
        let origin = rules::origin(&origin).ok_or(Fault::Setting { name: Setting::PublicOrigin.name(), problem })?;
        Ok(Some(origin.to_owned()))
    }

    fn upload_limits(&self) -> Result<UploadLimits, Fault> {
        let bytes =
            self.number(Setting::AvatarMaxBytes, DEFAULT_BYTES).filter(|bytes| (1..=MOST_BYTES).contains(bytes));
        let pixels = self
            .number(Setting::AvatarMaxPixels, DEFAULT_MAX_PIXELS)
            .filter(|pixels| (1..=MOST_PIXELS).contains(pixels));
        let problem = "is no number of bytes from 1 to 16777216";
        let fault = Fault::Setting { name: Setting::AvatarMaxBytes.name(), problem };
        let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok()).ok_or(fault)?;
        let problem = "is not a number of pixels from 1 to 268435456";
        let pixels = pixels.ok_or(Fault::Setting { name: Setting::AvatarMaxPixels.name(), problem })?;
        Ok(UploadLimits { bytes, pixels })
    }

    fn grace(&self) -> Result<i64, Fault> {
        let hours = self.number(Setting::AvatarGraceHours, DEFAULT_HOURS);
        let fault = Fault::Setting { name: Setting::AvatarGraceHours.name(), problem: "is no number of hours" };
        hours.map(|hours| i64::from(hours).saturating_mul(HOUR)).ok_or(fault)
    }

    fn keep_days(&self) -> Result<u32, Fault> {
        let days = self.number(Setting::ChangesKeepDays, DEFAULT_DAYS).filter(|days| (1..=MOST_DAYS).contains(days));
        let problem = "is not a number of days from 1 to 36500";
        days.ok_or(Fault::Setting { name: Setting::ChangesKeepDays.name(), problem })
    }

    /// Whether nothing is set. A value of a type that no setting has, such as `true`, counts as set: a setting that
    /// protects must not be off because of a wrong type.
    fn is_empty(&self, setting: Setting) -> bool {
        let value = self.value(setting);
        value.is_undefined() || value.is_null() || value.as_string().is_some_and(|text| text.trim().is_empty())
    }

    /// A variable may be written as a text or as a number.
    fn text(&self, setting: Setting) -> Option<String> {
        let value = self.value(setting);
        value.as_string().or_else(|| value.as_f64().map(|number| number.to_string()))
    }

    /// A table of wrangler.toml, which comes as an object, as JSON.
    fn table(&self, setting: Setting) -> Option<String> {
        let value = self.value(setting);
        value.is_object().then(|| JSON::stringify(&value).ok().map(String::from))?
    }

    /// A whole number; `None` for anything else. An empty text is the default.
    fn number(&self, setting: Setting, default: u32) -> Option<u32> {
        match self.text(setting).as_deref().map(str::trim) {
            None | Some("") => Some(default),
            Some(digits) => digits.parse().ok(),
        }
    }

    fn value(&self, setting: Setting) -> JsValue {
        Reflect::get(self.0, &JsValue::from_str(setting.name())).unwrap_or(JsValue::UNDEFINED)
    }
}
