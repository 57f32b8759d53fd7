//! One key of a key set (RFC 7517, RFC 7518 section 6, RFC 8037 section 2).

use super::claim::is_present;
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;

/// Accepted lengths of an RSA modulus. Shorter ones can be factored, or soon will be (RFC 7518 section 3.3); longer
/// ones only cost time.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
/// Smallest accepted RSA exponent, which every issuer uses. Lower exponents have a history of problems (FIPS 186-5
/// section 5.4).
const MIN_EXPONENT: u32 = 65537;

/// A public-key signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// EdDSA on Ed25519, the only curve that is accepted.
    EdDsa,
}

impl Algorithm {
    /// Returns the algorithm with this name in a header or a key. The name must be spelled exactly as registered.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// A public key and the one algorithm that it is for. The algorithm in a token's header only selects keys and never
/// determines how a key is used (RFC 8725 section 3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: Algorithm,
    jwk: String,
    signature_bytes: usize,
}

impl PublicKey {
    /// Returns the algorithm that the key is for.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the key as a JSON Web Key with only the required members.
    pub fn jwk(&self) -> &str {
        &self.jwk
    }

    /// Returns whether a signature by this key can have that length. An ECDSA signature consists of two numbers of 32
    /// bytes each (RFC 7518 section 3.4). The DER encoding that other protocols use has another length, or fails to
    /// verify.
    pub(super) fn is_plausible_signature(&self, signature: &[u8]) -> bool {
        signature.len() == self.signature_bytes
    }
}

/// An entry of a key set, classified by what Perfil does with it.
pub enum Entry {
    /// A key to verify with, and its `kid`.
    Usable(Option<String>, PublicKey),
    /// A key that must not be published: a private or a symmetric one (`oct`).
    Secret,
    /// An entry that is for another purpose, is too weak, or is not understood. It is skipped (RFC 7517 section 5).
    Other,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    /// The private part of any type of key (RFC 7518 section 6.2.2, 6.3.2, RFC 8037 section 2).
    #[serde(default, deserialize_with = "is_present")]
    d: bool,
    /// A symmetric key (RFC 7518 section 6.4).
    #[serde(default, deserialize_with = "is_present")]
    k: bool,
    #[serde(default, deserialize_with = "is_present")]
    p: bool,
    #[serde(default, deserialize_with = "is_present")]
    q: bool,
}

impl Entry {
    /// Parses one entry.
    pub fn parse(json: &str) -> Self {
        let Ok(jwk) = serde_json::from_str::<Jwk>(json) else { return Self::Other };
        if jwk.kty == "oct" || jwk.d || jwk.k || jwk.p || jwk.q {
            return Self::Secret;
        }
        match jwk.public_key().filter(|key| jwk.allows(key.algorithm)) {
            Some(key) => Self::Usable(jwk.kid, key),
            None => Self::Other,
        }
    }
}

impl Jwk {
    /// Returns whether `use`, `key_ops` and `alg` allow this algorithm. Each of them may be missing (RFC 7517 section
    /// 4.2 to 4.4).
    fn allows(&self, algorithm: Algorithm) -> bool {
        self.usage.as_ref().is_none_or(|usage| usage == "sig")
            && self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|operation| operation == "verify"))
            && self.alg.as_ref().is_none_or(|name| Algorithm::named(name) == Some(algorithm))
    }

    fn public_key(&self) -> Option<PublicKey> {
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", None) => self.rsa(),
            ("EC", Some("P-256")) => {
                let (x, y) = (coordinate(&self.x)?, coordinate(&self.y)?);
                let jwk = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#);
                Some(PublicKey { algorithm: Algorithm::Es256, jwk, signature_bytes: 64 })
            }
            ("OKP", Some("Ed25519")) if self.y.is_none() => {
                let x = coordinate(&self.x)?;
                let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#);
                Some(PublicKey { algorithm: Algorithm::EdDsa, jwk, signature_bytes: 64 })
            }
            _ => None,
        }
    }

    fn rsa(&self) -> Option<PublicKey> {
        let (modulus, exponent) = (integer(&self.n)?, integer(&self.e)?);
        let has_top_bit = modulus.first().is_some_and(|first| *first >= 0x80);
        // At least 2048 bits. Only a longer modulus may start with a zero bit.
        let is_long_enough = RSA_BYTES.contains(&modulus.len()) && (modulus.len() > *RSA_BYTES.start() || has_top_bit);
        let is_odd = |bytes: &[u8]| bytes.last().is_some_and(|last| last & 1 == 1);
        let value =
            exponent.iter().try_fold(0_u32, |value, byte| value.checked_mul(256)?.checked_add((*byte).into()))?;
        if !is_long_enough || !is_odd(&modulus) || !is_odd(&exponent) || value < MIN_EXPONENT {
            return None;
        }
        let [n, e] = [&modulus, &exponent].map(|bytes| Base64UrlUnpadded::encode_string(bytes));
        let jwk = format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"}}"#);
        Some(PublicKey { algorithm: Algorithm::Rs256, jwk, signature_bytes: modulus.len() })
    }
}

/// Decodes an integer and strips the leading zeros that some issuers write (RFC 7518 section 6.3.1.1).
fn integer(text: &Option<String>) -> Option<Vec<u8>> {
    let bytes = Base64UrlUnpadded::decode_vec(text.as_deref()?).ok()?;
    Some(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
}

/// Returns the base64url text unchanged if it encodes exactly 32 bytes (RFC 7518 section 6.2.1.2, RFC 8037 section 2).
fn coordinate(text: &Option<String>) -> Option<&str> {
    let text = text.as_deref()?;
    let bytes = Base64UrlUnpadded::decode_vec(text).ok()?;
    (bytes.len() == 32).then_some(text)
}
