//! The secrets that the login services sign with (HS256), each with its signer (contract A2).

use super::subject::Signer;
use crate::domain::{BackEnd, Fault, Setting};
use jwt_compact::alg::Hs256Key;

/// Minimum length of a secret, in bytes. HS256 requires a key of at least the hash's size (RFC 7518 section 3.2,
/// contract A2).
const MIN_SECRET_BYTES: usize = 32;

/// A secret and its predecessor. Both verify tokens, so that a secret can be rotated without logging anyone out. An
/// empty value counts as not set.
#[derive(Default)]
pub struct Secret {
    /// The secret that tokens are signed with now.
    pub current: Option<String>,
    /// The secret that tokens were signed with before.
    pub previous: Option<String>,
}

/// Returns the settings for a signer's current and previous secret.
pub fn secret_settings(signer: Signer) -> [Setting; 2] {
    match signer {
        Signer::Shared => [Setting::JwtSecret, Setting::JwtSecretPrevious],
        Signer::BackEnd(BackEnd::Seam) => [Setting::JwtSecretSeam, Setting::JwtSecretSeamPrevious],
        Signer::BackEnd(BackEnd::Falcon) => [Setting::JwtSecretFalcon, Setting::JwtSecretFalconPrevious],
        Signer::BackEnd(BackEnd::Django) => [Setting::JwtSecretDjango, Setting::JwtSecretDjangoPrevious],
    }
}

/// The signers that have a secret, in the order in which they are tried.
pub const SIGNERS: [Signer; 4] = [
    Signer::Shared,
    Signer::BackEnd(BackEnd::Seam),
    Signer::BackEnd(BackEnd::Falcon),
    Signer::BackEnd(BackEnd::Django),
];

/// Prepares the keys. Fails if a secret is too short, if a previous secret is set without a current one, or if two
/// secrets are equal, because it would not be clear which signer vouches for a token.
pub fn prepare(secrets: Vec<(Signer, Secret)>) -> Result<Vec<(Signer, Hs256Key)>, Fault> {
    let mut seen: Vec<String> = Vec::new();
    let mut keys = Vec::new();
    for (signer, Secret { current, previous }) in secrets {
        let [name, previous_name] = secret_settings(signer).map(Setting::name);
        let is_set = |secret: &String| !secret.is_empty();
        let (current, previous) = (current.filter(is_set), previous.filter(is_set));
        if current.is_none() && previous.is_some() {
            let problem = "is not set, but its …_PREVIOUS is";
            return Err(Fault::Setting { name, problem });
        }
        for (name, secret) in [(name, current), (previous_name, previous)] {
            let Some(secret) = secret else { continue };
            if secret.len() < MIN_SECRET_BYTES {
                return Err(Fault::Setting { name, problem: "is shorter than 32 bytes" });
            }
            if seen.contains(&secret) {
                return Err(Fault::Setting { name, problem: "is equal to another secret" });
            }
            keys.push((signer, Hs256Key::new(&secret)));
            seen.push(secret);
        }
    }
    Ok(keys)
}
