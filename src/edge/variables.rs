//! The variables and secrets of a deployment: their defaults, and which values they may have.

use crate::auth::{self, Keys, Secret, Signer};
use crate::domain::text as rules;
use crate::domain::{DEFAULT_MAX_PIXELS, Fault, Setting};
use crate::serve::feed::Feed;
use crate::serve::origin::PassThrough;
use crate::serve::{UploadLimits, Urls};
use std::collections::BTreeMap;
use wasm_bindgen::JsValue;
use worker::Env;
use worker::js_sys::{JSON, Reflect};

/// A picture is in memory twice while it is stored, and an instance has 128 MB for all of its requests.
const MOST_BYTES: u32 = 16 * 1024 * 1024;
/// A picture of the largest width and height.
const MOST_PIXELS: u32 = 1 << 28;
const DEFAULT_BYTES: u32 = 10 * 1024 * 1024;
const DEFAULT_HOURS: u32 = 24;
const DEFAULT_DAYS: u32 = 90;
/// A century.
const MOST_DAYS: u32 = 36_500;
/// In seconds.
const YEAR: u32 = 31_536_000;
/// The binding of the version's metadata, as wrangler.toml names it too.
const VERSION: &str = "VERSION";
/// In milliseconds.
const HOUR: i64 = 60 * 60 * 1000;

/// The variables and secrets of a deployment.
pub struct Variables<'a>(pub &'a Env);

impl Variables<'_> {
    /// The keys that tokens are verified with.
    pub fn keys(&self) -> Result<Keys, Fault> {
        Keys::new(auth::Settings {
            secrets: auth::SIGNERS.map(|signer| (signer, self.secret(signer))).into(),
            bare_sub: self.text(Setting::JwtSub),
            key_set: self.text(Setting::JwtJwks).or_else(|| self.table(Setting::JwtJwks)),
            key_set_url: self.text(Setting::JwtJwksUrl),
            issuer: self.text(Setting::JwtIssuer),
            audience: self.text(Setting::JwtAudience),
        })
    }

    /// How long ago a person may have authenticated to make a sensitive change, if that matters (contract A9).
    pub fn fresh_token_seconds(&self) -> Result<Option<u32>, Fault> {
        let setting = Setting::FreshTokenSeconds;
        let problem = "is not a number of seconds from 1 to 31536000";
        if self.is_empty(setting) {
            return Ok(None);
        }
        let seconds = self.number(setting, 0).filter(|seconds| (1..=YEAR).contains(seconds));
        seconds.map(Some).ok_or(Fault::Setting { name: setting.name(), problem })
    }

    /// Whether common passwords are refused (contract S7).
    pub fn blocks_common_passwords(&self) -> Result<bool, Fault> {
        let setting = Setting::PasswordBlocklist;
        let is_on = self.text(setting).is_some_and(|text| text == "on");
        let fault = Fault::Setting { name: setting.name(), problem: "is neither on nor empty" };
        if is_on || self.is_empty(setting) { Ok(is_on) } else { Err(fault) }
    }

    /// The id of the deployed version, as the platform names it.
    pub fn version(&self) -> Option<String> {
        let binding = Reflect::get(self.0, &JsValue::from_str(VERSION)).ok().filter(JsValue::is_object)?;
        Reflect::get(&binding, &JsValue::from_str("id")).ok()?.as_string().filter(|id| !id.is_empty())
    }

    fn secret(&self, signer: Signer) -> Secret {
        let [current, previous] = auth::secret_settings(signer).map(|setting| self.text(setting));
        Secret { current, previous }
    }

    /// What is passed on to origins (contract X1, X6).
    pub fn pass_through(&self) -> Result<PassThrough, Fault> {
        let origin = self.each(Setting::Origin)?;
        PassThrough::new(origin, &self.text(Setting::TakeOver).unwrap_or_default())
    }

    /// A URL, or a table of several; `None` where the setting is empty.
    fn each(&self, setting: Setting) -> Result<Option<Urls>, Fault> {
        let text = self.text(setting).or_else(|| self.table(setting)).unwrap_or_default();
        let text = text.trim();
        if !text.starts_with('{') {
            return Ok((!text.is_empty()).then(|| Urls::One(text.to_owned())));
        }
        let problem = "is a table whose values are not all texts";
        let urls = serde_json::from_str::<BTreeMap<String, String>>(text);
        let urls = urls.map_err(|_| Fault::Setting { name: setting.name(), problem })?;
        Ok((!urls.is_empty()).then(|| Urls::Each(urls.into_iter().collect())))
    }

    /// What our own URLs begin with, where it is set (contract M6).
    pub fn public_origin(&self) -> Result<Option<String>, Fault> {
        let Some(origin) = self.text(Setting::PublicOrigin).filter(|origin| !origin.is_empty()) else {
            return Ok(None);
        };
        let problem = "is not an http or https URL without user name and path";
        let origin = rules::origin(&origin).ok_or(Fault::Setting { name: Setting::PublicOrigin.name(), problem })?;
        Ok(Some(origin.to_owned()))
    }

    /// The largest picture that may be uploaded.
    pub fn upload_limits(&self) -> Result<UploadLimits, Fault> {
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

    /// How old an object must be that is swept away, in milliseconds (contract M5).
    pub fn grace(&self) -> Result<i64, Fault> {
        let hours = self.number(Setting::AvatarGraceHours, DEFAULT_HOURS);
        let fault = Fault::Setting { name: Setting::AvatarGraceHours.name(), problem: "is no number of hours" };
        hours.map(|hours| i64::from(hours).saturating_mul(HOUR)).ok_or(fault)
    }

    /// To whom the changes are delivered (contract C2).
    pub fn feed(&self) -> Feed {
        let hashes = self.text(Setting::ChangesHashes).unwrap_or_default();
        Feed::new(self.each(Setting::ChangesUrl), &hashes, |setting| self.text(setting))
    }

    /// How many days the rows of the change feed are kept (contract C1).
    pub fn keep_days(&self) -> Result<u32, Fault> {
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
    pub fn text(&self, setting: Setting) -> Option<String> {
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
