//! Tokens. The first byte selects the kind of input, as listed below. The second byte selects whether an issuer and an
//! audience are required. The rest is the input:
//!
//! - `h`: a complete `Authorization` header;
//! - `c`: claims, which are signed with the right key;
//! - `j`: a header, a line break, and claims: signed with the right key;
//! - `p`, `w`: claims signed with the previous key, or with a wrong one;
//! - `s`: claims, a line break, and any text as the signature.
//!
//! An accepted token must have a signature that this file computes as well, and claims that its own model accepts
//! (contract A1–A6).
#![no_main]

use hmac::{Hmac, Mac};
use libfuzzer_sys::fuzz_target;
use perfil::auth::{BearerToken, KeyService, Keys, PublicKey, Secret, Settings, Signer};
use perfil::domain::BackEnd;
use perfil_fuzz::json::{self, Json};
use sha2::Sha256;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

const NOW: i64 = 1_800_000_000;
const CURRENT: &str = "the-current-secret-of-the-fuzz-target";
const PREVIOUS: &str = "the-previous-secret-of-the-fuzz-target";
const WRONG: &str = "the-wrong-secret-of-the-fuzz-target!!";
const NAME: &str = "perfil";

thread_local! {
    /// Without `JWT_ISSUER` and `JWT_AUDIENCE`, and with them.
    static KEYS: [Keys; 2] = [None, Some(NAME.to_owned())].map(|name| {
        let [current, previous] = [CURRENT, PREVIOUS].map(|secret| Some(secret.to_owned()));
        let secrets = vec![(Signer::Shared, Secret { current, previous })];
        let (issuer, audience) = (name.clone(), name);
        let settings = Settings { secrets, issuer, audience, ..Settings::default() };
        Keys::new(settings).unwrap()
    });
}

fuzz_target!(|data: &[u8]| {
    let [kind, requirements, rest @ ..] = data else { return };
    let is_strict = requirements & 1 == 1;
    let text = String::from_utf8_lossy(rest);
    let (first, second) = text.split_once('\n').unwrap_or((&text, ""));
    let header = r#"{"alg":"HS256","typ":"JWT"}"#;
    let accepted = match kind {
        b'c' => signed(header.as_bytes(), rest, CURRENT, is_strict),
        b'p' => signed(header.as_bytes(), rest, PREVIOUS, is_strict),
        b'w' => signed(header.as_bytes(), rest, WRONG, is_strict),
        b'j' => signed(first.as_bytes(), second.as_bytes(), CURRENT, is_strict),
        b's' => {
            let signed = format!("{}.{}", encode(header.as_bytes()), encode(first.as_bytes()));
            check(&format!("Bearer {signed}.{second}"), is_strict)
        }
        _ => check(&text, is_strict),
    };
    assert!(*kind != b'w' || !accepted);
});

/// Whether a token with these parts is accepted. Panics if it is refused for no reason.
fn signed(header: &[u8], claims: &[u8], key: &str, is_strict: bool) -> bool {
    let signed = format!("{}.{}", encode(header), encode(claims));
    let token = format!("{signed}.{}", encode(&signature(&signed, key)));
    let accepted = check(&format!("Bearer {token}"), is_strict);
    let is_good = evaluate(header, claims, is_strict).is_ok_and(|evaluation| evaluation.is_plain);
    assert!(accepted || !is_good || key == WRONG || token.len() > 8 * 1024, "a valid token is refused");
    accepted
}

/// Whether a header is accepted. Panics if it should have been refused.
fn check(authorization: &str, is_strict: bool) -> bool {
    let parsed = BearerToken::parse(Some(authorization));
    let (scheme, token) = authorization.trim_matches([' ', '\t']).split_once(' ').unwrap_or_default();
    let token = token.trim_start_matches(' ');
    let words = token.split([' ', '\t']).filter(|word| !word.is_empty()).count();
    assert_eq!(parsed.is_ok(), scheme.to_ascii_lowercase() == "bearer" && words == 1, "{authorization:?}");
    let Ok(bearer) = parsed else { return false };
    let verified = KEYS.with(|keys| ready(keys[usize::from(is_strict)].verify(bearer, NOW, &NoKeyService)));
    let Ok(actor) = verified else { return false };

    assert!(token.len() <= 8 * 1024);
    let (signed, made) = token.rsplit_once('.').unwrap();
    let ours = [CURRENT, PREVIOUS].map(|key| encode(&signature(signed, key)));
    assert!(ours.iter().any(|signature| signature == made), "no key signed {token}");
    let (header, claims) = signed.split_once('.').unwrap();
    let evaluation = evaluate(&decode(header), &decode(claims), is_strict);
    let evaluation = evaluation.unwrap_or_else(|fault| panic!("{fault}: {}", String::from_utf8_lossy(&decode(claims))));
    let subject = actor.subject();
    assert_eq!((subject.back_end(), subject.id().get()), evaluation.subject);
    assert_eq!(actor.issued_at(), evaluation.issued_at);
    assert_eq!(actor.authenticated_at(), evaluation.authenticated_at);
    true
}

/// No public key is configured, so the platform must not be called.
struct NoKeyService;

impl KeyService for NoKeyService {
    async fn verify(&self, _: &PublicKey, _: &[u8], _: &[u8]) -> bool {
        panic!("the platform was asked to verify")
    }

    fn fetch(&self, _: &str) {
        panic!("the platform was asked to fetch")
    }

    async fn pause(&self) {
        panic!("a request waited")
    }
}

/// Returns the output of a future that never has to wait.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).as_mut().poll(&mut context) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the future is pending"),
    }
}

struct Evaluation {
    /// The back end that the subject's ID belongs to, and the ID.
    subject: (Option<BackEnd>, i64),
    /// The time that is compared with the last change of password.
    issued_at: Option<i64>,
    /// The time that is checked against FRESH_TOKEN_SECONDS.
    authenticated_at: Option<i64>,
    /// Whether the token has nothing so unusual that a verifier may refuse it.
    is_plain: bool,
}

/// Evaluates a signed token; an error is the reason to refuse it (contract A3–A6, I2).
fn evaluate(header: &[u8], claims: &[u8], is_strict: bool) -> Result<Evaluation, &'static str> {
    let read = |bytes: &[u8]| json::parse(std::str::from_utf8(bytes).ok()?).ok();
    let header = read(header).ok_or("header")?;
    let Json::Object(fields) = &header else { return Err("a header that is not an object") };
    ensure(header.get("alg") == Some(&Json::Text("HS256".to_owned())), "alg")?;
    ensure(header.get("typ").is_none() || is_text(header.get("typ"), "jwt"), "typ")?;
    ensure(header.get("crit").is_none(), "crit")?;
    let only_usual = fields.iter().all(|(name, value)| {
        matches!(name.as_str(), "alg" | "typ") && matches!(value, Json::Text(_)) || name == "kid" && is_short(value)
    });

    let claims = read(claims).ok_or("claims")?;
    let Json::Object(fields) = &claims else { return Err("claims that are not an object") };
    let relevant =
        ["sub", "user_id", "idUser", "profile", "exp", "nbf", "iat", "auth_time", "type", "token_type", "iss", "aud"];
    let times = |name: &str| fields.iter().filter(|(field, _)| field == name).count();
    ensure(relevant.iter().all(|name| times(name) < 2), "a duplicate claim")?;

    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        // Whole seconds since 1970. Verifiers could round other numbers differently.
        Some(Json::Number(digits)) => digits.parse::<u64>().map(|time| Some(i128::from(time))).map_err(|_| ()),
        Some(_) => Err(()),
    };
    let [exp, nbf, iat] = [time("exp"), time("nbf"), time("iat")];
    let now = i128::from(NOW);
    ensure(exp.is_ok_and(|exp| exp.is_some_and(|exp| exp > now - 60)), "exp")?;
    ensure(
        [nbf, iat].iter().all(|start| start.is_ok_and(|start| start.is_none_or(|start| start <= now + 60))),
        "nbf, iat",
    )?;

    let kinds = ["type", "token_type"].map(|name| claims.get(name)).into_iter().flatten();
    ensure(kinds.into_iter().all(|kind| *kind == Json::Text("access".to_owned())), "a token for something else")?;
    if is_strict {
        ensure(is_name(claims.get("iss")), "iss")?;
        let several = match claims.get("aud") {
            Some(Json::List(several)) => several.iter().any(|one| is_name(Some(one))),
            one => is_name(one),
        };
        ensure(several, "aud")?;
    }
    let profile = claims.get("profile").filter(|profile| matches!(profile, Json::Object(_)));
    let profile_id = profile.and_then(|profile| profile.get("id"));
    let is_falcon = profile_id.is_some() || profile.is_some() && claims.get("sub").is_some();
    ensure(!is_falcon || claims.get("sub").is_some(), "a profile without sub")?;
    let numbers = [claims.get("sub"), claims.get("user_id"), claims.get("idUser"), profile_id];
    let numbers: Vec<_> = numbers.into_iter().flatten().map(id).collect();
    let number = numbers.first().copied().flatten().ok_or("no subject")?;
    ensure(numbers.iter().all(|other| *other == Some(number)), "subjects that differ")?;
    let has_none = claims.get("idUser").is_none() && claims.get("user_id").is_none();
    let is_odd = claims.get("profile").is_some_and(|profile| !matches!(profile, Json::Text(_)));
    let back_ends = [
        (claims.get("idUser").is_some(), BackEnd::Seam),
        (is_falcon || has_none && is_odd, BackEnd::Falcon),
        (claims.get("user_id").is_some(), BackEnd::Django),
    ];
    let claimed: Vec<_> = back_ends.into_iter().filter(|(is_claimed, _)| *is_claimed).collect();
    ensure(claimed.len() < 2, "IDs of two back ends")?;
    let subject = (claimed.first().map(|(_, back_end)| *back_end), number);

    let is_plain_time = |name: &str| match claims.get(name) {
        Some(Json::Number(digits)) => digits.parse::<i64>().is_ok_and(|time| time.abs() < 1 << 40),
        _ => true,
    };
    let is_plain = only_usual
        && !header.has_duplicate_names()
        && !claims.has_duplicate_names()
        && claims.largest() < 1e300
        && ["exp", "nbf", "iat"].iter().all(|name| is_plain_time(name));
    let issued_at = iat.ok().flatten().map(|iat| iat as i64);
    let authenticated_at = match claims.get("auth_time") {
        None => issued_at,
        // To serde_json, `-0` is not an integer.
        Some(Json::Number(digits)) => digits.parse::<i64>().ok().filter(|_| digits != "-0"),
        Some(_) => None,
    };
    let authenticated_at = authenticated_at.filter(|at| *at <= NOW + 60);
    Ok(Evaluation { subject, issued_at, authenticated_at, is_plain })
}

fn ensure(holds: bool, fault: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(fault) }
}

fn is_text(value: Option<&Json>, lower: &str) -> bool {
    matches!(value, Some(Json::Text(text)) if text.to_ascii_lowercase() == lower)
}

fn is_short(value: &Json) -> bool {
    matches!(value, Json::Text(text) if text.len() < 100)
}

fn is_name(value: Option<&Json>) -> bool {
    value == Some(&Json::Text(NAME.to_owned()))
}

/// A5: a positive integer below 2^53, as a number or as decimal text.
fn id(value: &Json) -> Option<i64> {
    let (Json::Number(digits) | Json::Text(digits)) = value else { return None };
    let is_decimal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let id: i64 = digits.parse().ok().filter(|_| is_decimal)?;
    (0 < id && id < 1 << 53).then_some(id)
}

fn signature(signed: &str, key: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(signed.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn encode(bytes: &[u8]) -> String {
    let group = |bytes: &[u8]| {
        let bits = bytes.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - bytes.len()));
        (0..=bytes.len()).map(move |at| char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize])).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// Decodes base64url. Panics at anything that [`encode`] would not have written.
fn decode(text: &str) -> Vec<u8> {
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for char in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == char).expect("invalid base64url was accepted");
        (bits, count) = (bits << 6 | value as u32, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    assert_eq!(encode(&bytes), text, "base64url that is not canonical was accepted");
    bytes
}
