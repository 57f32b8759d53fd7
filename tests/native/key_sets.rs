//! Key sets: which key may verify a token, and when a set is fetched. The platform verifies signatures, so these tests
//! replace a signature with a hash of the key and the text, which depends on every byte of both. The tests in
//! tests/http use real signatures.

use super::tokens::{NOW, NoKeyService, signed, verify_by};
use super::{ready, shared};
use base64ct::{Base64UrlUnpadded, Encoding};
use perfil::auth::{Algorithm, BearerToken, KeyService, Keys, MAX_KEY_SET_BYTES, PublicKey, Settings};
use perfil::domain::{Failure, Fault, Refusal};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::cell::{Cell, RefCell};

const SECRET: &str = "a-test-secret-of-more-than-32-bytes!";
const ALGORITHMS: [&str; 3] = ["RS256", "ES256", "EdDSA"];

fn base64(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// An RSA modulus of this length in bits. `own` makes it different for each key.
fn modulus(bits: usize, own: u8) -> Vec<u8> {
    let mut bytes = vec![own | 1; bits.div_ceil(8)];
    bytes[0] = 1 << ((bits - 1) % 8);
    bytes
}

/// A key for an algorithm, different for each `own`.
fn jwk(algorithm: &str, own: u8) -> Value {
    match algorithm {
        "RS256" => json!({"kty": "RSA", "n": base64(&modulus(2048, own)), "e": "AQAB"}),
        "ES256" => json!({"kty": "EC", "crv": "P-256", "x": base64(&[own; 32]), "y": base64(&[7; 32])}),
        _ => json!({"kty": "OKP", "crv": "Ed25519", "x": base64(&[own; 32])}),
    }
}

fn with(mut key: Value, more: Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        key[name] = value.clone();
    }
    key
}

fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

fn inline(keys: &[Value]) -> Keys {
    Keys::new(Settings { key_set: Some(set(keys)), secrets: shared(Some(SECRET), None), ..Settings::default() })
        .unwrap()
}

/// Returns the signature that the key's owner would make.
fn signature(jwk: &str, algorithm: &str, signed: &[u8]) -> Vec<u8> {
    let length = if algorithm == "RS256" { 256 } else { 64 };
    let hash = Sha256::new().chain_update(jwk).chain_update(signed).finalize();
    hash.iter().copied().cycle().take(length).collect()
}

fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::Rs256 => "RS256",
        Algorithm::Es256 => "ES256",
        Algorithm::EdDsa => "EdDSA",
    }
}

/// A token of account 42 with this header, signed with the key and the algorithm.
fn token_by(key: &Value, algorithm: &str, header: &Value) -> String {
    let claims = json!({"sub": "42", "exp": NOW + 6000});
    let text = format!("{}.{}", base64(header.to_string().as_bytes()), base64(claims.to_string().as_bytes()));
    // The members in the order in which the worker writes them.
    let members = ["kty", "crv", "n", "e", "x", "y"].into_iter().filter_map(|name| key.get(name).map(|v| (name, v)));
    let members: Vec<_> = members.map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    let signature = signature(&format!("{{{}}}", members.join(",")), algorithm, text.as_bytes());
    format!("{text}.{}", base64(&signature))
}

fn token(algorithm: &str, own: u8, header: Value) -> String {
    token_by(&jwk(algorithm, own), algorithm, &with(json!({"alg": algorithm, "typ": "JWT"}), header))
}

/// A platform that verifies signatures, and whose fetches return what the test provides.
#[derive(Default)]
struct Model<'a> {
    keys: Option<&'a Keys>,
    /// The number of fetches, whether one is in progress, and the result of the next one.
    fetched: Cell<u32>,
    is_fetching: Cell<bool>,
    response: RefCell<Option<Result<Vec<u8>, Fault>>>,
    paused: Cell<u32>,
    verified: Cell<u32>,
    logged: RefCell<Vec<String>>,
}

impl KeyService for Model<'_> {
    async fn verify(&self, key: &PublicKey, signed: &[u8], given: &[u8]) -> bool {
        self.verified.set(self.verified.get() + 1);
        signature(key.jwk(), name(key.algorithm()), signed) == given
    }

    fn fetch(&self, url: &str) {
        assert_eq!(url, URL);
        self.fetched.set(self.fetched.get() + 1);
        self.is_fetching.set(true);
    }

    async fn pause(&self) {
        self.paused.set(self.paused.get() + 1);
        if self.is_fetching.replace(false)
            && let (Some(keys), Some(response)) = (self.keys, self.response.take())
            && let Err(fault) = keys.receive(response)
        {
            self.logged.borrow_mut().push(fault.to_string());
        }
    }
}

fn is_valid(keys: &Keys, token: &str) -> bool {
    match verify_by(keys, token, &Model::default()) {
        Ok(actor) => actor.subject().id().get() == 42,
        Err(refusal) => {
            assert!(matches!(refusal, Refusal::BadToken | Refusal::BadAuthorization), "{refusal:?}");
            false
        }
    }
}

#[test]
fn a_key_verifies_only_with_its_own_algorithm() {
    for of_key in ALGORITHMS {
        for more in [json!({}), json!({"alg": of_key}), json!({"use": "sig", "key_ops": ["verify"], "x5c": ["AA"]})] {
            let keys = inline(&[with(jwk(of_key, 9), with(more, json!({"kid": "k"})))]);
            for of_token in ["RS256", "ES256", "EdDSA", "RS384", "PS256", "ES384", "Ed25519", "HS256", "none", "rs256"]
            {
                for by in ALGORITHMS {
                    let header = json!({"alg": of_token, "kid": "k"});
                    let accepted = is_valid(&keys, &token_by(&jwk(of_key, 9), by, &header));
                    // This platform treats both signatures of 64 bytes alike. The key's algorithm is what counts.
                    let is_its_own =
                        of_token == of_key && signature("", by, b"").len() == signature("", of_key, b"").len();
                    assert_eq!(accepted, is_its_own, "{of_key} {of_token} {by}");
                }
            }
        }
    }
}

#[test]
fn a_keys_use_operations_and_algorithm_must_allow_verification() {
    for algorithm in ALGORITHMS {
        let other_key = jwk(if algorithm == "RS256" { "EdDSA" } else { "RS256" }, 3);
        for (more, allowed) in [
            (json!({"use": "sig"}), true),
            (json!({"use": "enc"}), false),
            (json!({"use": 1}), false),
            (json!({"key_ops": ["verify"]}), true),
            (json!({"key_ops": ["sign", "verify"]}), true),
            (json!({"key_ops": ["encrypt"]}), false),
            (json!({"key_ops": []}), false),
            (json!({"use": "sig", "key_ops": ["encrypt"]}), false),
            (json!({"alg": "RS512"}), false),
            (json!({"alg": "PS256"}), false),
            (json!({"alg": "HS256"}), false),
            (json!({"alg": "none"}), false),
            (json!({"alg": ""}), false),
            (json!({"alg": "RSA-OAEP"}), false),
            (json!({"kid": 1}), false),
            (json!({"kty": "oct2"}), false),
        ] {
            let keys = inline(&[with(jwk(algorithm, 9), more.clone()), other_key.clone()]);
            assert_eq!(is_valid(&keys, &token(algorithm, 9, json!({}))), allowed, "{algorithm} {more}");
        }
    }
}

#[test]
fn keys_that_are_weak_or_on_another_curve_are_skipped() {
    let rsa = |n: &[u8], e: &[u8]| json!({"kty": "RSA", "n": base64(n), "e": base64(e)});
    let exponent: &[u8] = &[1, 0, 1];
    let mut even = modulus(2048, 9);
    even[255] = 8;
    for (key, usable) in [
        (rsa(&modulus(2048, 9), exponent), true),
        (rsa(&modulus(2049, 9), exponent), true),
        (rsa(&modulus(4096, 9), exponent), true),
        (rsa(&modulus(8192, 9), exponent), true),
        (rsa(&[&[0], modulus(2048, 9).as_slice()].concat(), &[0, 1, 0, 1]), true),
        (rsa(&modulus(8193, 9), exponent), false),
        (rsa(&modulus(2047, 9), exponent), false),
        (rsa(&modulus(1024, 9), exponent), false),
        (rsa(&modulus(512, 9), exponent), false),
        (rsa(&[&[0; 128], modulus(1024, 9).as_slice()].concat(), exponent), false),
        (rsa(&[], exponent), false),
        (rsa(&even, exponent), false),
        (rsa(&modulus(2048, 9), &[]), false),
        (rsa(&modulus(2048, 9), &[1]), false),
        (rsa(&modulus(2048, 9), &[3]), false),
        (rsa(&modulus(2048, 9), &[1, 0, 0]), false),
        (rsa(&modulus(2048, 9), &[1, 0, 0, 0, 1]), false),
        (json!({"kty": "RSA", "n": base64(&modulus(2048, 9))}), false),
        (json!({"kty": "RSA", "n": "+/+/", "e": "AQAB"}), false),
        (with(jwk("ES256", 9), json!({"crv": "P-384"})), false),
        (with(jwk("ES256", 9), json!({"crv": "secp256k1"})), false),
        (with(jwk("ES256", 9), json!({"crv": "Ed25519"})), false),
        (with(jwk("ES256", 9), json!({"x": base64(&[9; 31])})), false),
        (with(jwk("ES256", 9), json!({"y": base64(&[9; 33])})), false),
        (with(jwk("ES256", 9), json!({"y": null})), false),
        (with(jwk("ES256", 9), json!({"kty": "OKP"})), false),
        (with(jwk("EdDSA", 9), json!({"crv": "Ed448"})), false),
        (with(jwk("EdDSA", 9), json!({"crv": "X25519"})), false),
        (with(jwk("EdDSA", 9), json!({"crv": "P-256"})), false),
        (with(jwk("EdDSA", 9), json!({"x": base64(&[9; 31])})), false),
        (with(jwk("EdDSA", 9), json!({"kty": "EC"})), false),
        (json!({}), false),
        (json!(null), false),
        (json!([]), false),
        (json!("key"), false),
    ] {
        let made = Keys::new(Settings { key_set: Some(set(std::slice::from_ref(&key))), ..Settings::default() });
        assert_eq!(made.is_ok(), usable, "{key}");
        if let Err(fault) = made {
            assert_eq!(fault.to_string(), "JWT_JWKS contains no usable key for RS256, ES256 or EdDSA");
        }
        // A bad key must not affect a good one.
        assert!(is_valid(&inline(&[key, jwk("EdDSA", 5)]), &token("EdDSA", 5, json!({"kid": null}))) || usable);
    }
}

#[test]
fn a_key_is_found_by_its_kid_and_without_one_only_if_there_is_no_choice() {
    let named = |algorithm, own, kid: &str| with(jwk(algorithm, own), json!({ "kid": kid }));
    for algorithm in ALGORITHMS {
        let two = inline(&[named(algorithm, 9, "a"), named(algorithm, 11, "b")]);
        for (own, kid, found) in [
            (9, json!({"kid": "a"}), true),
            (11, json!({"kid": "b"}), true),
            (9, json!({"kid": "b"}), false),
            (9, json!({"kid": "c"}), false),
            (9, json!({"kid": ""}), false),
            (9, json!({"kid": "A"}), false),
            (9, json!({}), false),
        ] {
            assert_eq!(is_valid(&two, &token(algorithm, own, kid.clone())), found, "{algorithm} {kid}");
        }
        let other = if algorithm == "RS256" { "ES256" } else { "RS256" };
        let one_of_each = inline(&[named(algorithm, 9, "a"), named(other, 9, "a")]);
        assert!(is_valid(&one_of_each, &token(algorithm, 9, json!({}))));
        assert!(is_valid(&one_of_each, &token(algorithm, 9, json!({"kid": "a"}))));
        let twins = inline(&[named(algorithm, 9, "a"), named(algorithm, 11, "a")]);
        assert!(is_valid(&twins, &token(algorithm, 9, json!({"kid": "a"}))));
        assert!(is_valid(&twins, &token(algorithm, 11, json!({"kid": "a"}))));
        assert!(!is_valid(&twins, &token(algorithm, 13, json!({"kid": "a"}))));
        let nameless = inline(&[jwk(algorithm, 9)]);
        assert!(is_valid(&nameless, &token(algorithm, 9, json!({}))));
        assert!(!is_valid(&nameless, &token(algorithm, 9, json!({"kid": "a"}))));
    }
}

#[test]
fn no_public_key_of_a_set_verifies_hs256() {
    let keys = Keys::new(Settings { key_set: Some(set(&[jwk("RS256", 9)])), ..Settings::default() }).unwrap();
    assert_eq!(
        verify_by(&keys, &signed(json!({"sub": 42, "exp": NOW + 60})), &NoKeyService).err(),
        Some(Refusal::BadToken)
    );
}

#[test]
fn signatures_of_another_length_do_not_reach_the_platform() {
    for algorithm in ALGORITHMS {
        let keys = inline(&[jwk(algorithm, 9)]);
        let token = token(algorithm, 9, json!({}));
        let (text, signature) = token.rsplit_once('.').unwrap();
        let signature = Base64UrlUnpadded::decode_vec(signature).unwrap();
        for wrong in [
            &signature[1..],
            &[signature.as_slice(), &[0]].concat(),
            &[0x30; 70],
            &[],
            &[0; 256][..signature.len() - 1],
        ] {
            let model = Model::default();
            assert_eq!(verify_by(&keys, &format!("{text}.{}", base64(wrong)), &model).err(), Some(Refusal::BadToken));
            assert_eq!(model.verified.get(), 0);
        }
    }
}

#[test]
fn the_fault_of_an_invalid_setting_names_it() {
    let text = |text: &str| Some(text.to_owned());
    let many = set(&vec![jwk("EdDSA", 9); 65]);
    let secret = |member: &str| set(&[with(jwk("EdDSA", 9), json!({member: "AA"})), jwk("RS256", 9)]);
    let secrets = "JWT_JWKS contains a private or symmetric key: only public keys are allowed";
    let no_url = "JWT_JWKS_URL is not an https URL (or http, on localhost)";
    for (key_set, url, message) in [
        (text("{}"), None, "JWT_JWKS is not a JSON Web Key Set"),
        (text("x"), None, "JWT_JWKS is not a JSON Web Key Set"),
        (text(r#"{"keys":{}}"#), None, "JWT_JWKS is not a JSON Web Key Set"),
        (text(r#"{"keys":[],"keys":[]}"#), None, "JWT_JWKS is not a JSON Web Key Set"),
        (text(&jwk("EdDSA", 9).to_string()), None, "JWT_JWKS is not a JSON Web Key Set"),
        (text(&many), None, "JWT_JWKS contains more than 64 keys"),
        (text(r#"{"keys":[]}"#), None, "JWT_JWKS contains no usable key for RS256, ES256 or EdDSA"),
        (text(&secret("d")), None, secrets),
        (text(&secret("k")), None, secrets),
        (text(&secret("p")), None, secrets),
        (text(&set(&[json!({"kty": "oct", "k": "AAAA"}), jwk("RS256", 9)])), None, secrets),
        (text(&set(&[json!({"kty": "oct"}), jwk("RS256", 9)])), None, secrets),
        (text(&set(&[jwk("RS256", 9)])), text(URL), "JWT_JWKS_URL conflicts with JWT_JWKS: set only one of them"),
        (None, text("http://login.example.com/keys"), no_url),
        (None, text("ftp://login.example.com/keys"), no_url),
        (None, text("login.example.com/keys"), no_url),
        (None, text("https://"), no_url),
        (None, text("https:///keys"), no_url),
        (None, text("https://user@login.example.com/"), no_url),
        (None, text(" https://login.example.com/"), no_url),
        (None, text("http://localhost@example.com/"), no_url),
        (None, text("http://localhost.example.com/"), no_url),
        (None, text("http://localhost\\.example.com/"), no_url),
        (None, text("http://127.0.0.1.example.com:80/"), no_url),
        (None, text("http://localhost:x/"), no_url),
        (None, text("http:localhost/"), no_url),
    ] {
        let made = Keys::new(Settings { key_set, key_set_url: url.clone(), ..Settings::default() });
        assert_eq!(made.err().map(|fault| fault.to_string()).as_deref(), Some(message), "{url:?}");
    }
    for url in [
        URL,
        "https://login.example.com",
        "https://x:8443/?k=1",
        "http://localhost:9/a",
        "http://127.0.0.1/",
        "http://[::1]:80",
    ] {
        assert!(Keys::new(Settings { key_set_url: text(url), ..Settings::default() }).is_ok(), "{url}");
    }
    let previous = Settings { secrets: shared(None, Some(SECRET)), key_set_url: text(URL), ..Settings::default() };
    assert_eq!(Keys::new(previous).unwrap_err().to_string(), "JWT_SECRET is not set, but its …_PREVIOUS is");
}

const URL: &str = "https://login.example.com/keys";

fn remote() -> Keys {
    Keys::new(Settings { key_set_url: Some(URL.to_owned()), ..Settings::default() }).unwrap()
}

/// A sequence of requests that share one set of keys, each at its own time.
struct Scenario<'a> {
    model: Model<'a>,
    keys: &'a Keys,
}

impl<'a> Scenario<'a> {
    fn new(keys: &'a Keys) -> Self {
        Self { model: Model { keys: Some(keys), ..Model::default() }, keys }
    }

    /// Verifies a token at this time, with `serves` as the result of a fetch. Returns whether the token is valid, or
    /// the fault that prevented verification, and the number of fetches that were started.
    fn at(&self, seconds: i64, own: u8, serves: Result<&[u8], &str>) -> (Result<bool, String>, u32) {
        let before = self.model.fetched.get();
        let serves = serves.map(|owns| set(&owns.iter().map(|own| keyed(*own)).collect::<Vec<_>>()).into_bytes());
        *self.model.response.borrow_mut() = Some(serves.map_err(|problem| Fault::KeySet(problem.to_owned())));
        let header = format!("Bearer {}", token("EdDSA", own, json!({"kid": own.to_string()})));
        let token = BearerToken::parse(Some(&header)).unwrap();
        let outcome = match ready(self.keys.verify(token, NOW + seconds, &self.model)) {
            Ok(_) => Ok(true),
            Err(Failure::Refused(_)) => Ok(false),
            Err(Failure::Fault(fault)) => Err(fault.to_string()),
        };
        // A fetch that the request did not wait for finishes after it.
        ready(self.model.pause());
        (outcome, self.model.fetched.get() - before)
    }
}

fn keyed(own: u8) -> Value {
    with(jwk("EdDSA", own), json!({"kid": own.to_string()}))
}

#[test]
fn a_set_is_fetched_when_first_needed_and_kept() {
    let keys = remote();
    let scenario = Scenario::new(&keys);
    assert_eq!(scenario.at(0, 1, Ok(&[1, 2])), (Ok(true), 1));
    assert_eq!(scenario.at(1, 1, Err("is down")), (Ok(true), 0));
    assert_eq!(scenario.at(400, 2, Err("is down")), (Ok(true), 0));
    assert_eq!(scenario.model.verified.get(), 3);
}

#[test]
fn unknown_keys_cause_at_most_one_fetch_a_minute_among_all_callers() {
    let keys = remote();
    let scenario = Scenario::new(&keys);
    assert_eq!(scenario.at(0, 1, Ok(&[1])), (Ok(true), 1));
    assert_eq!(scenario.at(59, 2, Ok(&[1, 2])), (Ok(false), 0));
    assert_eq!(scenario.at(60, 2, Ok(&[1, 2])), (Ok(true), 1));
    for at in 61..120 {
        assert_eq!(scenario.at(at, 100 + u8::try_from(at - 60).unwrap(), Ok(&[1, 2])), (Ok(false), 0));
    }
    assert_eq!(scenario.at(120, 3, Ok(&[2, 3])), (Ok(true), 1));
    assert_eq!(scenario.at(121, 1, Ok(&[2, 3])), (Ok(false), 0), "the key was removed from the set");
}

#[test]
fn old_keys_are_fetched_again_and_used_while_that_fails() {
    let keys = remote();
    let scenario = Scenario::new(&keys);
    assert_eq!(scenario.at(0, 1, Ok(&[1])), (Ok(true), 1));
    assert_eq!(scenario.at(300, 1, Ok(&[2])), (Ok(true), 0));
    assert_eq!(scenario.at(599, 1, Ok(&[2])), (Ok(true), 0));
    assert_eq!(scenario.at(600, 1, Err("is down")), (Ok(true), 1));
    assert_eq!(scenario.at(659, 1, Ok(&[2])), (Ok(true), 0));
    let paused = scenario.model.paused.get();
    assert_eq!(scenario.at(660, 1, Err("is down")), (Ok(true), 1));
    assert_eq!(scenario.model.paused.get() - paused, 1, "requests don't wait for a server that is known to be down");
    assert_eq!(scenario.at(661, 2, Ok(&[2])), (Ok(false), 0));
    assert_eq!(scenario.at(720, 1, Ok(&[2])), (Ok(true), 1), "nor while it recovers");
    assert_eq!(scenario.at(721, 1, Ok(&[2])), (Ok(false), 0), "revoked");
    assert_eq!(scenario.at(721, 2, Ok(&[2])), (Ok(true), 0));
    assert_eq!(*scenario.model.logged.borrow(), ["key set: is down", "key set: is down"]);
}

#[test]
fn a_removed_key_is_valid_for_at_most_ten_minutes() {
    let keys = remote();
    let scenario = Scenario::new(&keys);
    assert_eq!(scenario.at(0, 1, Ok(&[1])), (Ok(true), 1));
    assert_eq!(scenario.at(600, 1, Ok(&[2])), (Ok(false), 1));
    assert_eq!(scenario.at(601, 1, Ok(&[2])), (Ok(false), 0));
}

#[test]
fn a_set_without_a_usable_key_is_a_failed_fetch_cold_and_warm() {
    let nothing =
        [json!([]), json!([{"kty": "oct", "k": "AAAA"}]), json!([{"kty": "EC"}]), json!([null, 1, "x", [], {}])];
    let message = "key set: JWT_JWKS_URL contains no usable key for RS256, ES256 or EdDSA";
    for keys_of_set in nothing {
        let keys = remote();
        let scenario = Scenario::new(&keys);
        let receive = || {
            let json = json!({ "keys": keys_of_set }).to_string().into_bytes();
            keys.receive(Ok(json)).map_err(|fault| fault.to_string())
        };
        assert_eq!(receive(), Err(message.to_owned()));
        assert_eq!(
            scenario.at(0, 1, Ok(&[])),
            (Err(message.to_owned()), 1),
            "cold: a server-side failure, not an invalid token"
        );
        assert_eq!(scenario.at(5, 1, Ok(&[1])), (Ok(true), 1));
        assert_eq!(scenario.at(605, 1, Ok(&[])), (Ok(true), 1), "warm: the previous keys stay valid");
        assert_eq!(receive(), Err(message.to_owned()));
        assert_eq!(scenario.at(606, 1, Ok(&[])), (Ok(true), 0));
    }
}

#[test]
fn until_there_are_keys_verifying_is_a_fault_and_fetches_are_retried_every_five_seconds() {
    let keys = remote();
    let scenario = Scenario::new(&keys);
    let down = Err("key set: is down".to_owned());
    assert_eq!(scenario.at(0, 1, Err("is down")), (down.clone(), 1));
    assert_eq!(scenario.at(4, 1, Ok(&[1])), (down.clone(), 0));
    assert_eq!(scenario.at(5, 1, Err("is down")), (down, 1));
    assert_eq!(scenario.at(10, 1, Ok(&[1])), (Ok(true), 1));
}

#[test]
fn an_invalid_set_does_not_replace_the_keys() {
    let keys = remote();
    let receive = |json: &str| keys.receive(Ok(json.as_bytes().to_vec())).map_err(|fault| fault.to_string());
    let scenario = Scenario::new(&keys);
    assert_eq!(scenario.at(0, 1, Ok(&[1])), (Ok(true), 1));
    for nonsense in ["", "{", "<html>", "[]", "null", r#"{"keys":"x"}"#, "\u{feff}{\"keys\":[]}"] {
        assert_eq!(receive(nonsense), Err("key set: JWT_JWKS_URL is not a JSON Web Key Set".to_owned()));
    }
    assert!(receive(&set(&vec![keyed(2); 65])).is_err());
    assert_eq!(scenario.at(1, 1, Ok(&[2])), (Ok(true), 0));
}

#[test]
fn a_published_private_key_is_reported_and_no_longer_used() {
    let keys = remote();
    let scenario = Scenario::new(&keys);
    assert_eq!(scenario.at(0, 1, Ok(&[1])), (Ok(true), 1));
    let leaked = set(&[with(keyed(1), json!({"d": base64(&[1; 32])})), keyed(2)]);
    let message = keys.receive(Ok(leaked.into_bytes())).unwrap_err().to_string();
    assert_eq!(message, "key set: JWT_JWKS_URL contains a private or symmetric key, which is ignored");
    assert_eq!(scenario.at(1, 1, Ok(&[])), (Ok(false), 0));
    assert_eq!(scenario.at(1, 2, Ok(&[])), (Ok(true), 0));
}

#[test]
fn concurrent_requests_share_one_fetch_and_give_up_on_one_that_never_ends() {
    let keys = remote();
    let model = Model::default();
    let header = format!("Bearer {}", token("EdDSA", 1, json!({"kid": "1"})));
    let verify_at = |now| ready(keys.verify(BearerToken::parse(Some(&header)).unwrap(), now, &model));
    for at in [0, 1, 6] {
        let Err(Failure::Fault(fault)) = verify_at(NOW + at) else { panic!("there are no keys") };
        assert_eq!(fault.to_string(), "key set: no response within 10 s");
    }
    assert_eq!((model.fetched.get(), model.paused.get()), (1, 3000));
    assert!(verify_at(NOW + 11).is_err());
    assert_eq!(model.fetched.get(), 2, "the first fetch counts as lost");
}

proptest! {
    #[test]
    fn no_bytes_panic_as_a_key_set(
        bytes in any::<Vec<u8>>(),
        member in "kty|kid|alg|use|key_ops|crv|n|e|x|y|d",
        value in any::<String>(),
    ) {
        let _ = remote().receive(Ok(bytes));
        let odd = with(jwk("RS256", 9), json!({member: value}));
        prop_assert!(set(std::slice::from_ref(&odd)).len() < MAX_KEY_SET_BYTES);
        let _ = remote().receive(Ok(set(&[odd]).into_bytes()));
    }

    #[test]
    fn a_token_with_any_character_changed_never_verifies(
        algorithm in prop::sample::select(&ALGORITHMS[..]),
        at in any::<prop::sample::Index>(),
        put in "[A-Za-z0-9_.=+/ -]",
    ) {
        let keys = inline(&[with(jwk(algorithm, 9), json!({"kid": "k"}))]);
        let token = token(algorithm, 9, json!({"kid": "k"}));
        prop_assert!(is_valid(&keys, &token));
        let at = at.index(token.len());
        let changed = format!("{}{put}{}", &token[..at], &token[at + 1..]);
        prop_assume!(changed != token);
        prop_assert!(!is_valid(&keys, &changed));
    }
}
