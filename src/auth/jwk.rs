//! One key of a key set (RFC 7517, RFC 7518 section 6, RFC 8037 section 2).

use super::claim::is_present;
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;

/// Shorter moduli can be factored, or soon will be (RFC 7518 section 3.3); longer ones only take time.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;
/// What every issuer uses; lower exponents have a history (FIPS 186-5 section 5.4).
const LEAST_EXPONENT: u32 = 65537;

/// How a token with a public key can be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// EdDSA on Ed25519, the only curve that is taken.
    EdDsa,
}

impl Algorithm {
    /// By its name in a header or a key; exactly as it is registered.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "RS256" => Some(Self::Rs256),
            "ES256" => Some(Self::Es256),
            "EdDSA" => Some(Self::EdDsa),
            _ => None,
        }
    }
}

/// A public key and the one algorithm that it is for. There is no other: what a token says of its algorithm finds a
/// key, and never tells one what to do (RFC 8725 section 3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: Algorithm,
    jwk: String,
    signature_bytes: usize,
}

impl PublicKey {
    /// The algorithm that it is for.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key as a JSON Web Key of what makes it one, and nothing else.
    pub fn jwk(&self) -> &str {
        &self.jwk
    }

    /// Whether a signature by it could be of that length. ECDSA's two numbers stand side by side, in 32 bytes each (RFC
    /// 7518 section 3.4): the DER that other protocols write has another length, or it would not verify.
    pub(super) fn could_have_made(&self, signature: &[u8]) -> bool {
        signature.len() == self.signature_bytes
    }
}

/// What a key set's entry is to us.
pub enum Entry {
    /// A key to verify with, and its `kid`.
    Usable(Option<String>, PublicKey),
    /// Something that must not be published: a private key, or one that is shared (`oct`).
    Secret,
    /// For something else, or too weak, or not understood: to be passed over (RFC 7517 section 5).
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
    /// The private part of every kind of key (RFC 7518 section 6.2.2, 6.3.2, RFC 8037 section 2).
    #[serde(default, deserialize_with = "is_present")]
    d: bool,
    /// A shared key (RFC 7518 section 6.4).
    #[serde(default, deserialize_with = "is_present")]
    k: bool,
    #[serde(default, deserialize_with = "is_present")]
    p: bool,
    #[serde(default, deserialize_with = "is_present")]
    q: bool,
}

impl Entry {
    /// Reads one entry.
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
    /// `use`, `key_ops` and `alg` may be missing; what is there has to allow it (RFC 7517 section 4.2 to 4.4).
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
        let is_whole_byte = modulus.first().is_some_and(|first| *first >= 0x80);
        // 2048 bits and not one less; longer ones may begin anywhere in their first byte.
        let is_long_enough =
            RSA_BYTES.contains(&modulus.len()) && (modulus.len() > *RSA_BYTES.start() || is_whole_byte);
        let is_odd = |bytes: &[u8]| bytes.last().is_some_and(|last| last & 1 == 1);
        let value =
            exponent.iter().try_fold(0_u32, |value, byte| value.checked_mul(256)?.checked_add((*byte).into()))?;
        if !is_long_enough || !is_odd(&modulus) || !is_odd(&exponent) || value < LEAST_EXPONENT {
            return None;
        }
        let [n, e] = [&modulus, &exponent].map(|bytes| Base64UrlUnpadded::encode_string(bytes));
        let jwk = format!(r#"{{"kty":"RSA","n":"{n}","e":"{e}"}}"#);
        Some(PublicKey { algorithm: Algorithm::Rs256, jwk, signature_bytes: modulus.len() })
    }
}

/// An integer without the zeros that some issuers write before it (RFC 7518 section 6.3.1.1).
fn integer(text: &Option<String>) -> Option<Vec<u8>> {
    let bytes = Base64UrlUnpadded::decode_vec(text.as_deref()?).ok()?;
    Some(bytes.into_iter().skip_while(|byte| *byte == 0).collect())
}

/// 32 bytes, all of them (RFC 7518 section 6.2.1.2, RFC 8037 section 2), in base64url, as it stands.
fn coordinate(text: &Option<String>) -> Option<&str> {
    let text = text.as_deref()?;
    let bytes = Base64UrlUnpadded::decode_vec(text).ok()?;
    (bytes.len() == 32).then_some(text)
}
