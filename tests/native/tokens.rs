use super::{ready, shared};
use jwt_compact::alg::{Hs256, Hs256Key};
use jwt_compact::{AlgorithmExt, Claims, Header};
use perfil::auth::{BearerToken, KeyService, Keys, PublicKey, Secret, Settings, Signer};
use perfil::domain::{Actor, BackEnd, Failure, Fault, Id, Refusal, Subject};
use proptest::prelude::*;
use serde_json::{Value, json};

const SECRET: &str = "a-test-secret-of-more-than-32-bytes!";
pub const NOW: i64 = 1_800_000_000;

pub fn keys() -> Keys {
    Keys::new(Settings { secrets: shared(Some(SECRET), None), ..Settings::default() }).unwrap()
}

pub fn signed(claims: Value) -> String {
    signed_by(SECRET, claims)
}

fn signed_by(secret: &str, claims: Value) -> String {
    Hs256.token(&Header::empty().with_token_type("JWT"), &Claims::new(claims), &Hs256Key::new(secret)).unwrap()
}

/// HS256 does not use the platform.
pub struct NoKeyService;

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

/// Verifies a token with these keys. Panics on a fault, because no token may cause one.
pub fn verify_by(keys: &Keys, token: &str, service: &impl KeyService) -> Result<Actor, Refusal> {
    let header = format!("Bearer {token}");
    let token = BearerToken::parse(Some(&header))?;
    match ready(keys.verify(token, NOW, service)) {
        Ok(actor) => Ok(actor),
        Err(Failure::Refused(refusal)) => Err(refusal),
        Err(Failure::Fault(fault)) => panic!("{fault}"),
    }
}

fn verify(token: &str) -> Result<Subject, Refusal> {
    verify_by(&keys(), token, &NoKeyService).map(Actor::subject)
}

fn account(id: i64) -> Subject {
    Subject::Account(Id::new(id).unwrap())
}

fn identity(back_end: BackEnd, id: i64) -> Subject {
    Subject::Identity(back_end, Id::new(id).unwrap())
}

/// Verifies a token that is valid except for the claims in `change`, which are set, or removed if the value is `"-"`.
fn verify_with(change: Value) -> Result<Subject, Refusal> {
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
fn a_valid_token_contains_an_id_and_its_layout_gives_the_back_end() {
    assert_eq!(verify_with(json!({})), Ok(account(42)));
    for (claims, subject) in [
        (json!({"sub": "-", "idUser": 7}), identity(BackEnd::Seam, 7)),
        (json!({"sub": 7, "idUser": "7"}), identity(BackEnd::Seam, 7)),
        (json!({"sub": "-", "idUser": 7, "profile": {"theme": "dark"}}), identity(BackEnd::Seam, 7)),
        (json!({"sub": 7, "type": "access", "profile": {"id": 7}}), identity(BackEnd::Falcon, 7)),
        (json!({"sub": "7", "profile": {}}), identity(BackEnd::Falcon, 7)),
        (json!({"sub": "7", "profile": {RAW_VALUE: "1"}}), identity(BackEnd::Falcon, 7)),
        (json!({"sub": "7", "profile": null}), identity(BackEnd::Falcon, 7)),
        (json!({"sub": "7", "profile": []}), identity(BackEnd::Falcon, 7)),
        (json!({"sub": 7, "profile": "https://example.com/jane"}), account(7)),
        (json!({"sub": "-", "user_id": "7", "token_type": "access"}), identity(BackEnd::Django, 7)),
        (json!({"sub": "7", "user_id": 7}), identity(BackEnd::Django, 7)),
    ] {
        assert_eq!(verify_with(claims.clone()), Ok(subject), "{claims}");
    }
}

/// An object with this key is special to serde_json's own `Value`, which parses the text in it as JSON.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

#[test]
fn an_object_is_never_read_as_another_type_whatever_its_keys() {
    for claim in ["sub", "user_id", "idUser"] {
        let claims = json!({claim: {RAW_VALUE: "7"}, "exp": NOW + 60});
        assert_eq!(verify(&signed(claims)), Err(Refusal::BadToken), "{claim}");
    }
    for kind in ["type", "token_type"] {
        assert_eq!(verify_with(json!({kind: {RAW_VALUE: "\"access\""}})), Err(Refusal::BadToken), "{kind}");
    }
}

#[test]
fn a_token_with_ids_of_two_back_ends_is_refused() {
    for claims in [
        json!({"sub": "-", "user_id": 7, "idUser": 7}),
        json!({"sub": 7, "user_id": "7", "idUser": 7}),
        json!({"sub": 7, "user_id": 7, "profile": {"id": 7}}),
        json!({"sub": 7, "idUser": 7, "profile": {}}),
        json!({"sub": "-", "idUser": 7, "profile": {"id": 7}}),
        json!({"sub": "-", "idUser": 7, "profile": {"id": null}}),
        json!({"sub": 7, "idUser": 8}),
        json!({"sub": 7, "user_id": 8}),
        json!({"sub": 7, "idUser": null}),
        json!({"sub": 7, "user_id": null}),
        json!({"sub": 7, "profile": {"id": 9}}),
        json!({"sub": 7, "profile": {"id": null}}),
        json!({"sub": "-", "profile": {"id": 7}}),
        json!({"sub": "-", "profile": {}}),
    ] {
        assert_eq!(verify_with(claims.clone()), Err(Refusal::BadToken), "{claims}");
    }
}

const SIGNER_SECRETS: [(Signer, &str); 4] = [
    (Signer::Shared, SECRET),
    (Signer::BackEnd(BackEnd::Seam), "the-secret-of-seam-of-32-bytes-or-more"),
    (Signer::BackEnd(BackEnd::Falcon), "the-secret-of-falcon-of-32-bytes-or-more"),
    (Signer::BackEnd(BackEnd::Django), "the-secret-of-django-of-32-bytes-or-more"),
];

/// Claims in each back end's layout, and a bare `sub`.
fn layouts(id: i64) -> [(Option<BackEnd>, Value); 4] {
    let exp = NOW + 60;
    [
        (None, json!({"sub": id, "exp": exp})),
        (Some(BackEnd::Seam), json!({"idUser": id, "exp": exp})),
        (Some(BackEnd::Falcon), json!({"sub": id, "profile": {"id": id}, "exp": exp})),
        (Some(BackEnd::Django), json!({"user_id": id, "exp": exp})),
    ]
}

#[test]
fn each_secret_is_valid_only_for_the_ids_of_its_own_back_end() {
    // Every combination of back ends that have their own secrets.
    for own in 0..8_u8 {
        let has_own = |back_end: BackEnd| BackEnd::ALL.iter().position(|one| *one == back_end).unwrap();
        let has_own = |back_end| own & (1 << has_own(back_end)) != 0;
        let is_set = |signer: Signer| signer.back_end().is_none_or(has_own);
        let secrets = SIGNER_SECRETS.iter().filter(|(signer, _)| is_set(*signer));
        let secret = |text: &str| Secret { current: Some(text.to_owned()), previous: None };
        let secrets = secrets.map(|(signer, text)| (*signer, secret(text))).collect();
        let keys = Keys::new(Settings { secrets, ..Settings::default() }).unwrap();
        for (signer, secret) in SIGNER_SECRETS {
            for (layout, claims) in layouts(7) {
                let expected = match (signer.back_end(), layout) {
                    _ if !is_set(signer) => None,
                    (None, None) => Some(account(7)),
                    (None, Some(layout)) => (!has_own(layout)).then(|| identity(layout, 7)),
                    (Some(signer), None) => Some(identity(signer, 7)),
                    (Some(signer), Some(layout)) => (signer == layout).then(|| identity(layout, 7)),
                };
                let verified = verify_by(&keys, &signed_by(secret, claims), &NoKeyService).ok().map(Actor::subject);
                assert_eq!(verified, expected, "{signer:?} {layout:?} with own secrets {own:03b}");
            }
        }
    }
}

#[test]
fn jwt_sub_decides_which_back_end_a_bare_sub_belongs_to() {
    let bare = signed(json!({"sub": 7, "exp": NOW + 60}));
    for (setting, subject) in [
        (None, Some(account(7))),
        (Some(""), Some(account(7))),
        (Some("account"), Some(account(7))),
        (Some("seam"), Some(identity(BackEnd::Seam, 7))),
        (Some("falcon"), Some(identity(BackEnd::Falcon, 7))),
        (Some("django"), Some(identity(BackEnd::Django, 7))),
        (Some("none"), None),
    ] {
        let bare_sub = setting.map(str::to_owned);
        let settings = Settings { secrets: shared(Some(SECRET), None), bare_sub, ..Settings::default() };
        let keys = Keys::new(settings).unwrap();
        assert_eq!(verify_by(&keys, &bare, &NoKeyService).ok().map(Actor::subject), subject, "{setting:?}");
    }
    let bare_sub = Some("Seam".to_owned());
    let settings = Settings { secrets: shared(Some(SECRET), None), bare_sub, ..Settings::default() };
    assert_eq!(Keys::new(settings).unwrap_err().to_string(), "JWT_SUB is not account, seam, falcon, django or none");
}

#[test]
fn subjects_that_are_not_ids_or_disagree_are_refused() {
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
        assert_eq!(verify_with(json!({"user_id": subject})), Err(Refusal::BadToken), "next to a valid one: {subject}");
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
fn the_time_of_authentication_is_auth_time_or_else_iat() {
    for (claims, expected) in [
        (json!({}), None),
        (json!({"iat": NOW - 9}), Some(NOW - 9)),
        (json!({"iat": NOW + 60}), Some(NOW + 60)),
        (json!({"auth_time": NOW - 5}), Some(NOW - 5)),
        (json!({"auth_time": NOW - 5, "iat": NOW - 1}), Some(NOW - 5)),
        (json!({"auth_time": NOW + 60, "iat": NOW - 1}), Some(NOW + 60)),
        (json!({"auth_time": NOW + 61, "iat": NOW - 1}), None),
        (json!({"auth_time": NOW * 1000, "iat": NOW - 1}), None),
        (json!({"auth_time": null, "iat": NOW - 1}), None),
        (json!({"auth_time": NOW.to_string(), "iat": NOW - 1}), None),
        (json!({"auth_time": 1.5, "iat": NOW - 1}), None),
        (json!({"auth_time": {RAW_VALUE: "1800000000"}, "iat": NOW - 1}), None),
        (json!({"auth_time": [NOW], "iat": NOW - 1}), None),
        (json!({"auth_time": -1, "iat": NOW - 1}), Some(-1)),
    ] {
        let mut all = json!({"sub": 7, "exp": NOW + 60});
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        let actor = verify_by(&keys(), &signed(all), &NoKeyService).unwrap();
        assert_eq!(actor.authenticated_at(), expected, "{claims}");
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
fn the_fault_of_an_unusable_secret_names_it() {
    let short = Some("31-bytes-are-not-enough-for-this".get(..31).unwrap());
    let seam = |current: Option<&str>, previous: Option<&str>| {
        let [current, previous] = [current, previous].map(|secret| secret.map(str::to_owned));
        (Signer::BackEnd(BackEnd::Seam), Secret { current, previous })
    };
    let other = Some(SIGNER_SECRETS[1].1);
    let missing = "JWT_SECRET is not set (wrangler secret put JWT_SECRET; locally, npm run dev creates one)";
    for (secrets, message) in [
        (Vec::new(), missing),
        (shared(None, None), missing),
        (shared(Some(""), Some("")), missing),
        (shared(short, None), "JWT_SECRET is shorter than 32 bytes"),
        (shared(Some(SECRET), short), "JWT_SECRET_PREVIOUS is shorter than 32 bytes"),
        (shared(None, other), "JWT_SECRET is not set, but its …_PREVIOUS is"),
        (shared(Some(SECRET), Some(SECRET)), "JWT_SECRET_PREVIOUS is equal to another secret"),
        (vec![seam(short, None)], "JWT_SECRET_SEAM is shorter than 32 bytes"),
        (vec![seam(other, short)], "JWT_SECRET_SEAM_PREVIOUS is shorter than 32 bytes"),
        (vec![seam(None, other)], "JWT_SECRET_SEAM is not set, but its …_PREVIOUS is"),
        (
            shared(Some(SECRET), None).into_iter().chain([seam(Some(SECRET), None)]).collect(),
            "JWT_SECRET_SEAM is equal to another secret",
        ),
    ] {
        let fault: Fault = Keys::new(Settings { secrets, ..Settings::default() }).unwrap_err();
        assert_eq!(fault.to_string(), message);
    }
    assert!(Keys::new(Settings { secrets: vec![seam(other, None)], ..Settings::default() }).is_ok());
}

#[test]
fn debug_output_does_not_contain_secrets_or_tokens() {
    let header = format!("Bearer {}", signed(json!({"sub": 1})));
    let token = BearerToken::parse(Some(&header)).unwrap();
    assert_eq!(format!("{token:?} {:?}", keys()), "BearerToken([redacted]) Keys([redacted])");
}

#[test]
fn a_missing_header_another_scheme_or_an_empty_token_counts_as_no_token() {
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

    /// All are signed with the right key, so that each gets as far as the check of the claims.
    #[test]
    fn signed_claims_of_any_type_cause_no_panic(
        name in "sub|user_id|idUser|profile|exp|nbf|iat|auth_time|type|token_type|iss|aud",
        value in prop_oneof![
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            Just(Value::Null),
            prop::collection::vec(any::<i64>(), 0..3).prop_map(Value::from),
        ],
    ) {
        if let Ok(subject) = verify_with(json!({name: value})) {
            prop_assert!(subject.id().get() > 0);
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
