use super::access_claims::AccessClaims;
use super::claim::is_present;
use super::subject::{Signer, Vouching};
use super::{KeyService, PublicKey};
use crate::domain::{Actor, Refusal};
use base64ct::{Base64UrlUnpadded, Encoding};
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{AlgorithmExt, Claims, UntrustedToken};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::fmt;

/// Maximum length of a token, far more than any login service issues. A longer one is refused before it is decoded.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// Tolerance for the login services' clocks, in seconds (contract A4).
const LEEWAY: i64 = 60;

/// The configured requirements for claims.
pub struct Requirements {
    /// Required value of `iss`.
    pub issuer: Option<String>,
    /// Value that `aud` must equal or contain.
    pub audience: Option<String>,
    /// Rules for which signers may vouch for the IDs of which back ends.
    pub vouching: Vouching,
}

/// The token of an `Authorization` header, which has not been verified.
#[derive(Clone, Copy)]
pub struct BearerToken<'a>(&'a str);

impl<'a> BearerToken<'a> {
    /// Parses `Bearer <token>`, in which the scheme's case does not matter (contract A1, RFC 6750 section 2.1).
    ///
    /// Returns [`Refusal::NoToken`] if there is no header, another scheme or an empty token, and
    /// [`Refusal::BadAuthorization`] if there are more than two words.
    pub fn parse(authorization: Option<&'a str>) -> Result<Self, Refusal> {
        // White space in a header consists of spaces and tabs only (RFC 9110 section 5.6.3), unlike that of Unicode.
        let trimmed = authorization.map(|header| header.trim_matches([' ', '\t']));
        let (scheme, token) = trimmed.and_then(|header| header.split_once(' ')).ok_or(Refusal::NoToken)?;
        let token = token.trim_start_matches(' ');
        if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
            return Err(Refusal::NoToken);
        }
        if token.trim_start_matches([' ', '\t']).contains([' ', '\t']) {
            return Err(Refusal::BadAuthorization);
        }
        Ok(Self(token))
    }
}

impl<'a> BearerToken<'a> {
    /// Decodes the token without verifying its signature. Only its form and its header are checked (contract A3).
    pub(super) fn decode(self) -> Option<DecodedToken<'a>> {
        let Self(text) = self;
        if text.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let parts = UntrustedToken::<Extensions>::try_from(text).ok()?;
        let header = parts.header();
        let is_jwt = match header.token_type.as_deref() {
            Some(typ) => typ.eq_ignore_ascii_case("JWT"),
            None => !part::<TypeHeader>(text, 0)?.typ,
        };
        (is_jwt && !header.other_fields.crit).then_some(DecodedToken { text, parts })
    }
}

/// A decoded token whose signature has not been verified.
pub struct DecodedToken<'a> {
    text: &'a str,
    parts: UntrustedToken<'a, Extensions>,
}

/// Claims that were signed with a known key. They can only be obtained by verifying the signature.
pub struct SignedClaims {
    claims: Claims<AccessClaims>,
    signer: Signer,
}

impl DecodedToken<'_> {
    /// Returns the signature algorithm that the header names.
    pub fn algorithm(&self) -> &str {
        self.parts.algorithm()
    }

    /// Returns the `kid`, the ID of the signing key that the header names.
    pub fn key_id(&self) -> Option<&str> {
        self.parts.header().key_id.as_deref()
    }

    /// Returns the claims if the token is signed by HS256 with this key, which belongs to the signer.
    pub fn verify_hs256(&self, key: &Hs256Key, signer: Signer) -> Option<SignedClaims> {
        let token = Hs256.validator(key).validate(&self.parts).ok()?;
        self.read(token.into_parts().1, signer)
    }

    /// Returns the claims if the owner of this key signed the token with the algorithm that the key is for.
    pub async fn verify_signature(&self, key: &PublicKey, service: &impl KeyService) -> Option<SignedClaims> {
        let (signed, _) = self.text.rsplit_once('.')?;
        let signature = self.parts.signature_bytes();
        let is_signed =
            key.is_plausible_signature(signature) && service.verify(key, signed.as_bytes(), signature).await;
        if !is_signed {
            return None;
        }
        self.read(self.parts.deserialize_claims_unchecked().ok()?, Signer::Shared)
    }

    fn read(&self, claims: Claims<AccessClaims>, signer: Signer) -> Option<SignedClaims> {
        let Dates { exp, nbf, iat } = part(self.text, 1)?;
        (exp && nbf && iat).then_some(SignedClaims { claims, signer })
    }
}

impl Requirements {
    /// Returns the actor if the claims meet all requirements (contract A2, A4–A6, I2); `now` is in Unix seconds.
    #[expect(clippy::disallowed_methods, reason = "the only place that creates an Actor")]
    pub fn check(&self, SignedClaims { claims, signer }: &SignedClaims, now: i64) -> Option<Actor> {
        let accepted = has_valid_times(claims, now)
            && claims.custom.is_access_token()
            && claims.custom.is_issued_by(self.issuer.as_deref())
            && claims.custom.is_meant_for(self.audience.as_deref());
        let claimed = claims.custom.claimed_id().filter(|_| accepted)?;
        let subject = self.vouching.subject(*signer, claimed)?;
        let issued_at = claims.issued_at.map(|at| at.timestamp());
        // Ignore an authentication time in the future. If a login service wrote milliseconds instead of seconds, its
        // tokens would otherwise stay fresh forever.
        let authenticated_at = claims.custom.authenticated_at(issued_at).filter(|at| *at <= now.saturating_add(LEEWAY));
        Some(Actor::verified(subject, issued_at, authenticated_at))
    }
}

/// Checks the times of a token: `exp` is required, and `nbf` and `iat`, if present, must not be in the future (contract
/// A4).
fn has_valid_times(claims: &Claims<AccessClaims>, now: i64) -> bool {
    let latest_start = now.saturating_add(LEEWAY);
    let starts = [claims.not_before, claims.issued_at];
    let started = starts.iter().flatten().all(|start| start.timestamp() <= latest_start);
    let earliest_end = now.saturating_sub(LEEWAY);
    started && claims.expiration.is_some_and(|end| end.timestamp() > earliest_end)
}

/// Members of a token's header that jwt-compact does not interpret.
#[derive(Debug, Clone, Deserialize)]
struct Extensions {
    /// Perfil supports no extensions, so a token with a critical extension is refused (RFC 7515 section 4.1.11).
    #[serde(default, deserialize_with = "is_present")]
    crit: bool,
}

/// The presence of `typ` in a token's header. jwt-compact treats a null `typ` as absent.
#[derive(Deserialize)]
struct TypeHeader {
    #[serde(default, deserialize_with = "is_present")]
    typ: bool,
}

/// A check that each date is either absent or a whole number of seconds since 1970. jwt-compact also accepts fractions
/// and signs.
#[derive(Deserialize)]
struct Dates {
    #[serde(default = "default_true", deserialize_with = "is_whole_number")]
    exp: bool,
    #[serde(default = "default_true", deserialize_with = "is_whole_number")]
    nbf: bool,
    #[serde(default = "default_true", deserialize_with = "is_whole_number")]
    iat: bool,
}

/// Decodes a part of the token independently of jwt-compact, by stricter rules.
fn part<T: DeserializeOwned>(token: &str, number: usize) -> Option<T> {
    let json = Base64UrlUnpadded::decode_vec(token.split('.').nth(number)?).ok()?;
    serde_json::from_slice(&json).ok()
}

fn default_true() -> bool {
    true
}

fn is_whole_number<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    <&RawValue>::deserialize(value).map(|raw| raw.get().bytes().all(|digit| digit.is_ascii_digit()))
}

impl fmt::Debug for BearerToken<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BearerToken([redacted])")
    }
}
