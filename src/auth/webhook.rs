//! Signs posts of the change feed as Standard Webhooks specifies (contract C2).

use crate::domain::{BackEnd, Receiver, Setting};
use base64ct::{Base64, Encoding};
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{Algorithm, AlgorithmSignature};
use std::fmt;
use std::ops::RangeInclusive;

/// Prefix of a secret.
const PREFIX: &str = "whsec_";
/// Accepted lengths of a decoded secret, in bytes.
const LENGTHS: RangeInclusive<usize> = 24..=64;

/// A secret that Perfil shares with a receiver.
#[derive(Clone)]
pub struct WebhookSecret(Hs256Key);

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("WebhookSecret([redacted])")
    }
}

impl WebhookSecret {
    /// Parses `whsec_` and the base64 of 24 to 64 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Base64::decode_vec(text.trim().strip_prefix(PREFIX)?).ok()?;
        LENGTHS.contains(&bytes.len()).then(|| Self(Hs256Key::new(bytes)))
    }

    /// Returns the `webhook-signature` header of a post; `timestamp` is in Unix seconds.
    pub fn sign(&self, id: &str, timestamp: i64, body: &str) -> String {
        let signature = Hs256.sign(&self.0, format!("{id}.{timestamp}.{body}").as_bytes());
        format!("v1,{}", Base64::encode_string(&signature.as_bytes()))
    }
}

/// Returns the setting for a receiver's own secret.
pub fn webhook_secret_setting(receiver: Receiver) -> Setting {
    match receiver {
        Receiver::All => Setting::ChangesSecret,
        Receiver::Personas => Setting::ChangesSecretPersonas,
        Receiver::BackEnd(BackEnd::Seam) => Setting::ChangesSecretSeam,
        Receiver::BackEnd(BackEnd::Falcon) => Setting::ChangesSecretFalcon,
        Receiver::BackEnd(BackEnd::Django) => Setting::ChangesSecretDjango,
    }
}
