use super::ready;
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{AlgorithmExt, Claims, Header};
use perfil::auth::{BearerToken, KeyService, Keys, PublicKey, Settings};
use perfil::domain::{Actor, Failure, Fault, Refusal};
use proptest::prelude::*;
use serde_json::{Value, json};

const SECRET: &str = "a-test-secret-of-more-than-32-bytes!";
pub const NOW: i64 = 1_800_000_000;

pub fn keys() -> Keys {
    Keys::new(Settings { secret: Some(SECRET.to_owned()), ..Settings::default() }).unwrap()
}

pub fn signed(claims: Value) -> String {
    Hs256.token(&Header::empty().with_token_type("JWT"), &Claims::new(claims), &Hs256Key::new(SECRET)).unwrap()
}

/// HS256 asks nothing of the platform.
pub struct NoKeyService;

impl KeyService for NoKeyService {
    async fn verify(&self, _: &PublicKey, _: &[u8], _: &[u8]) -> bool {
        panic!("the platform was asked to verify")
    }

    fn fetch(&self, _: &str) {
        panic!("the platform was asked to fetch")
    }

    async fn pause(&self) {
        panic!("something was waited for")
    }
}

/// What these keys make of a token; our failures are none that a token can cause.
pub fn verify_by(keys: &Keys, token: &str, service: &impl KeyService) -> Result<Actor, Refusal> {
    let header = format!("Bearer {token}");
    let token = BearerToken::parse(Some(&header))?;
    match ready(keys.verify(token, NOW, service)) {
        Ok(actor) => Ok(actor),
        Err(Failure::Refused(refusal)) => Err(refusal),
        Err(Failure::Broken(fault)) => panic!("{fault}"),
    }
}

fn verify(token: &str) -> Result<i64, Refusal> {
    verify_by(&keys(), token, &NoKeyService).map(|actor| actor.account().get())
}

/// A token that is good, but for what `change` puts in or, as null, takes out.
fn verify_with(change: Value) -> Result<i64, Refusal> {
    let mut claims = json!({"sub": "42", "iat": NOW - 10, "exp": NOW + 600});
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::String(remove) if remove == "-" => claims.as_object_mut().unwrap().remove(name),
            value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    verify(&signed(claims))
}

#[test]
fn a_good_token_names_its_account() {
    assert_eq!(verify_with(json!({})), Ok(42));
    assert_eq!(verify_with(json!({"sub": "-", "idUser": 7})), Ok(7));
    assert_eq!(verify_with(json!({"sub": 7, "type": "access", "profile": {"id": 9}})), Ok(7));
    assert_eq!(verify_with(json!({"sub": "-", "user_id": "7", "token_type": "access"})), Ok(7));
    assert_eq!(verify_with(json!({"sub": 7, "user_id": "7", "idUser": 7})), Ok(7));
}

#[test]
fn subjects_that_are_no_id_or_disagree_are_refused() {
    for subject in [
        json!(null),
        json!(0),
        json!(-1),
        json!(1.5),
        json!("x"),
        json!(""),
        json!(" 7"),
        json!(true),
        json!([7]),
        json!({"id": 7}),
        json!(9_007_199_254_740_992_i64),
    ] {
        assert_eq!(verify_with(json!({"sub": subject})), Err(Refusal::BadToken), "{subject}");
        assert_eq!(verify_with(json!({"user_id": subject})), Err(Refusal::BadToken), "beside a good one: {subject}");
    }
    assert_eq!(verify_with(json!({"sub": "-"})), Err(Refusal::BadToken));
    assert_eq!(verify_with(json!({"idUser": 7})), Err(Refusal::BadToken));
}

#[test]
fn times_are_enforced_with_a_minute_of_leeway() {
    for (claims, good) in [
        (json!({"exp": NOW - 59}), true),
        (json!({"exp": NOW - 60}), false),
        (json!({"exp": "-"}), false),
        (json!({"exp": null}), false),
        (json!({"exp": "soon"}), false),
        (json!({"exp": 1e308}), false),
        (json!({"exp": i64::MIN}), false),
        (json!({"exp": -8_334_601_228_800_i64}), false),
        (json!({"nbf": NOW + 60}), true),
        (json!({"nbf": NOW + 61}), false),
        (json!({"nbf": -8_334_601_228_800_i64}), false),
        (json!({"nbf": 1}), true),
        (json!({"nbf": 1.0}), false),
        (json!({"iat": 1.5}), false),
        (json!({"iat": null}), false),
        (json!({"exp": 4.2e9}), false),
        (json!({"iat": NOW + 60}), true),
        (json!({"iat": NOW + 61}), false),
        (json!({"iat": "-"}), true),
    ] {
        assert_eq!(verify_with(claims.clone()).is_ok(), good, "{claims}");
    }
}

#[test]
fn refresh_tokens_are_refused() {
    for claims in [
        json!({"type": "refresh"}),
        json!({"token_type": "refresh"}),
        json!({"type": null}),
        json!({"type": "access", "token_type": "refresh"}),
        json!({"type": "Access"}),
    ] {
        assert_eq!(verify_with(claims.clone()), Err(Refusal::BadToken), "{claims}");
    }
}

#[test]
fn a_missing_or_short_secret_makes_no_keys_and_is_named() {
    let short = || Some("31-bytes-are-not-enough-for-this".get(..31).unwrap().to_owned());
    let good = || Some(SECRET.to_owned());
    for (secret, previous, says) in [
        (None, None, "JWT_SECRET is not set (wrangler secret put JWT_SECRET; locally, npm run dev makes one)"),
        (
            Some(String::new()),
            None,
            "JWT_SECRET is not set (wrangler secret put JWT_SECRET; locally, npm run dev makes one)",
        ),
        (short(), None, "JWT_SECRET is shorter than 32 bytes"),
        (good(), short(), "JWT_SECRET_PREVIOUS is shorter than 32 bytes"),
    ] {
        let settings = Settings { secret, previous_secret: previous, ..Settings::default() };
        let fault: Fault = Keys::new(settings).unwrap_err();
        assert_eq!(fault.to_string(), says);
    }
}

#[test]
fn secrets_and_tokens_do_not_show_in_debug_output() {
    let header = format!("Bearer {}", signed(json!({"sub": 1})));
    let token = BearerToken::parse(Some(&header)).unwrap();
    assert_eq!(format!("{token:?} {:?}", keys()), "BearerToken([redacted]) Keys([redacted])");
}

#[test]
fn no_header_another_scheme_and_an_empty_token_are_no_token() {
    for header in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer "),
        Some("Bearer    "),
        Some("Basic YTpi"),
        Some("Bearerx y"),
        Some(" "),
    ] {
        assert_eq!(BearerToken::parse(header).unwrap_err(), Refusal::NoToken, "{header:?}");
    }
    for header in ["bearer x", "BEARER x", "Bearer   x", " Bearer x "] {
        assert!(BearerToken::parse(Some(header)).is_ok(), "{header}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic_and_none_verify(token in any::<String>(), claims in any::<Vec<u8>>()) {
        prop_assert!(verify(&token).is_err());
        let lossy = String::from_utf8_lossy(&claims);
        let token = format!("eyJhbGciOiJIUzI1NiJ9.{lossy}.AAAA");
        prop_assert!(verify(&token).is_err());
    }

    /// Signed with the right key, so that every one of them comes as far as the claims.
    #[test]
    fn signed_claims_of_any_kind_are_judged_without_a_panic(
        name in "sub|user_id|idUser|exp|nbf|iat|type|token_type|iss|aud",
        value in prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null),
            prop::collection::vec(any::<i64>(), 0..3).prop_map(Value::from),
        ],
    ) {
        if let Ok(account) = verify_with(json!({name: value})) {
            prop_assert!(account > 0);
        }
    }

    #[test]
    fn a_token_with_any_character_changed_never_verifies(
        at in any::<prop::sample::Index>(),
        put in "[A-Za-z0-9_.=+/ -]",
    ) {
        let good = signed(json!({"sub": "42", "exp": NOW + 600}));
        let at = at.index(good.len());
        let changed = format!("{}{put}{}", &good[..at], &good[at + 1..]);
        prop_assume!(changed != good);
        prop_assert!(verify(&changed).is_err());
    }

    #[test]
    fn a_token_cut_or_lengthened_never_verifies(at in any::<prop::sample::Index>(), tail in "[A-Za-z0-9_=.-]{1,40}") {
        let good = signed(json!({"sub": "42", "exp": NOW + 600}));
        prop_assert!(verify(&good[..at.index(good.len())]).is_err());
        let longer = format!("{good}{tail}");
        prop_assert!(verify(&longer).is_err());
    }
}
