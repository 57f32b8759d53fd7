//! The variables and secrets of a deployment, with their defaults and valid values.

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

/// Upper bound of `AVATAR_MAX_BYTES`. While a picture is being stored, memory holds it twice, and an instance has
/// 128 MB for all of its requests.
const MAX_BYTES: u32 = 16 * 1024 * 1024;
/// Upper bound of `AVATAR_MAX_PIXELS`: a picture of the maximum width and height.
const MAX_PIXELS: u32 = 1 << 28;
const DEFAULT_BYTES: u32 = 10 * 1024 * 1024;
const DEFAULT_HOURS: u32 = 24;
const DEFAULT_DAYS: u32 = 90;
/// Upper bound of `CHANGES_KEEP_DAYS`: a century.
const MAX_DAYS: u32 = 36_500;
/// A year in seconds.
const YEAR: u32 = 31_536_000;
/// Name of the version metadata binding, the same as in wrangler.toml.
const VERSION: &str = "VERSION";
/// An hour in milliseconds.
const HOUR: i64 = 60 * 60 * 1000;

/// The variables and secrets of a deployment.
pub struct Variables<'a>(pub &'a Env);

impl Variables<'_> {
    /// Returns the keys that tokens are verified with.
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

    /// Returns the maximum age of a person's authentication for a sensitive change, in seconds; `None` if it is not
    /// checked (contract A9).
    pub fn fresh_token_seconds(&self) -> Result<Option<u32>, Fault> {
        let setting = Setting::FreshTokenSeconds;
        let problem = "is not a number of seconds from 1 to 31536000";
        if self.is_empty(setting) {
            return Ok(None);
        }
        let seconds = self.number(setting, 0).filter(|seconds| (1..=YEAR).contains(seconds));
        seconds.map(Some).ok_or(Fault::Setting { name: setting.name(), problem })
    }

    /// Returns whether common passwords are refused (contract S7).
    pub fn blocks_common_passwords(&self) -> Result<bool, Fault> {
        let setting = Setting::PasswordBlocklist;
        let is_on = self.text(setting).is_some_and(|text| text == "on");
        let fault = Fault::Setting { name: setting.name(), problem: "is neither on nor empty" };
        if is_on || self.is_empty(setting) { Ok(is_on) } else { Err(fault) }
    }

    /// Returns the ID that the platform has given the deployed version.
    pub fn version(&self) -> Option<String> {
        let binding = Reflect::get(self.0, &JsValue::from_str(VERSION)).ok().filter(JsValue::is_object)?;
        Reflect::get(&binding, &JsValue::from_str("id")).ok()?.as_string().filter(|id| !id.is_empty())
    }

    fn secret(&self, signer: Signer) -> Secret {
        let [current, previous] = auth::secret_settings(signer).map(|setting| self.text(setting));
        Secret { current, previous }
    }

    /// Returns the requests that are passed on to origins (contract X1, X6).
    pub fn pass_through(&self) -> Result<PassThrough, Fault> {
        let origin = self.urls(Setting::Origin)?;
        PassThrough::new(origin, &self.text(Setting::TakeOver).unwrap_or_default())
    }

    /// Parses a URL or a table of URLs; `None` if the setting is empty.
    fn urls(&self, setting: Setting) -> Result<Option<Urls>, Fault> {
        let text = self.text(setting).or_else(|| self.table(setting)).unwrap_or_default();
        let text = text.trim();
        if !text.starts_with('{') {
            return Ok((!text.is_empty()).then(|| Urls::One(text.to_owned())));
        }
        let problem = "is a table whose values are not all strings";
        let urls = serde_json::from_str::<BTreeMap<String, String>>(text);
        let urls = urls.map_err(|_| Fault::Setting { name: setting.name(), problem })?;
        Ok((!urls.is_empty()).then(|| Urls::Each(urls.into_iter().collect())))
    }

    /// Returns the public origin, the base of the URLs that are written into records, if it is set (contract M6).
    pub fn public_origin(&self) -> Result<Option<String>, Fault> {
        let Some(origin) = self.text(Setting::PublicOrigin).filter(|origin| !origin.is_empty()) else {
            return Ok(None);
        };
        let problem = "must be an http or https URL without a user name or path";
        let origin = rules::origin(&origin).ok_or(Fault::Setting { name: Setting::PublicOrigin.name(), problem })?;
        Ok(Some(origin.to_owned()))
    }

    /// Returns the maximum size of an uploaded picture.
    pub fn upload_limits(&self) -> Result<UploadLimits, Fault> {
        let bytes = self.number(Setting::AvatarMaxBytes, DEFAULT_BYTES).filter(|bytes| (1..=MAX_BYTES).contains(bytes));
        let pixels = self
            .number(Setting::AvatarMaxPixels, DEFAULT_MAX_PIXELS)
            .filter(|pixels| (1..=MAX_PIXELS).contains(pixels));
        let problem = "is not a number of bytes from 1 to 16777216";
        let fault = Fault::Setting { name: Setting::AvatarMaxBytes.name(), problem };
        let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok()).ok_or(fault)?;
        let problem = "is not a number of pixels from 1 to 268435456";
        let pixels = pixels.ok_or(Fault::Setting { name: Setting::AvatarMaxPixels.name(), problem })?;
        Ok(UploadLimits { bytes, pixels })
    }

    /// Returns the minimum age of an object that the sweep removes, in milliseconds (contract M5).
    pub fn grace(&self) -> Result<i64, Fault> {
        let hours = self.number(Setting::AvatarGraceHours, DEFAULT_HOURS);
        let fault = Fault::Setting { name: Setting::AvatarGraceHours.name(), problem: "is not a number of hours" };
        hours.map(|hours| i64::from(hours).saturating_mul(HOUR)).ok_or(fault)
    }

    /// Returns the receivers of the change feed (contract C2).
    pub fn feed(&self) -> Feed {
        let hashes = self.text(Setting::ChangesHashes).unwrap_or_default();
        Feed::new(self.urls(Setting::ChangesUrl), &hashes, |setting| self.text(setting))
    }

    /// Returns the number of days that rows of the change feed are kept (contract C1).
    pub fn keep_days(&self) -> Result<u32, Fault> {
        let days = self.number(Setting::ChangesKeepDays, DEFAULT_DAYS).filter(|days| (1..=MAX_DAYS).contains(days));
        let problem = "is not a number of days from 1 to 36500";
        days.ok_or(Fault::Setting { name: Setting::ChangesKeepDays.name(), problem })
    }

    /// Returns whether the setting is unset or blank. A value of an unsupported type, such as `true`, counts as set, so
    /// that a wrong type cannot turn a protective setting off.
    fn is_empty(&self, setting: Setting) -> bool {
        let value = self.value(setting);
        value.is_undefined() || value.is_null() || value.as_string().is_some_and(|text| text.trim().is_empty())
    }

    /// Returns the setting as text. A variable may be written as a string or as a number.
    pub fn text(&self, setting: Setting) -> Option<String> {
        let value = self.value(setting);
        value.as_string().or_else(|| value.as_f64().map(|number| number.to_string()))
    }

    /// Returns a table of wrangler.toml as JSON. The platform provides it as an object.
    fn table(&self, setting: Setting) -> Option<String> {
        let value = self.value(setting);
        value.is_object().then(|| JSON::stringify(&value).ok().map(String::from))?
    }

    /// Returns a whole number, or `None` if the value is not one. An unset or blank setting has the default.
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
