//! The flow of an update, with a database in memory: which checks run, and which don't, before a request is refused.

use super::database::{Memory, Sqlite, sqlite};
use super::passwords::{Instance, Request};
use super::ready;
use super::tokens::{NOW, NoKeyService, keys, signed};
use perfil::auth::Keys;
use perfil::domain::{Failure, Fault};
use perfil::serve::origin::PassThrough;
use perfil::serve::{
    self, Body, Call, Class, Health, InFlight, KnownAccounts, Limits, Platform, Reply, Route, UPDATES, UploadLimits,
};
use perfil::store::{Batch, Statement};
use serde_json::json;
use std::cell::Cell;
use std::rc::Rc;

/// A database that never responds.
struct Silent;

impl Batch for Silent {
    async fn batch<const N: usize>(&self, _: [Statement; N]) -> Result<[Vec<String>; N], Fault> {
        std::future::pending().await
    }
}

/// A body in memory that records whether it was read.
struct Text {
    content_type: String,
    content: String,
    was_read: Rc<Cell<bool>>,
}

impl Body for Text {
    fn content_type(&self) -> Result<String, Fault> {
        Ok(self.content_type.clone())
    }

    fn content_encoding(&self) -> Result<Option<String>, Fault> {
        Ok(None)
    }

    fn length(&self) -> Result<Option<usize>, Fault> {
        Ok(Some(self.content.len()))
    }

    async fn bytes(self, _: usize) -> Result<Vec<u8>, Failure> {
        self.was_read.set(true);
        Ok(self.content.into_bytes())
    }
}

struct Outcome {
    reply: Reply,
    body_was_read: bool,
    calls: u32,
}

/// Decides whether a request is within a rate limit.
type Allowance = fn(Class<'_>) -> bool;
struct Allowed(Allowance);

impl Limits for Allowed {
    async fn allow(&self, class: Class<'_>) -> bool {
        self.0(class)
    }
}

/// A platform that is entirely in memory.
struct Native {
    keys: Keys,
    event_loop: Instance,
    fresh_token_seconds: Option<u32>,
    database: Sqlite,
    bucket: Memory,
    health: Health,
    in_flight: InFlight,
    known: KnownAccounts,
    limits: Allowed,
    pass_through: PassThrough,
}

impl Platform for Native {
    type KeyService = NoKeyService;
    type EventLoop = Instance;
    type Database = Sqlite;
    type Bucket = Memory;
    type Limits = Allowed;
    type Body = Text;

    fn keys(&self) -> Result<&Keys, Fault> {
        Ok(&self.keys)
    }

    fn key_service(&self) -> &NoKeyService {
        &NoKeyService
    }

    fn event_loop(&self) -> &Instance {
        &self.event_loop
    }

    fn fresh_token_seconds(&self) -> Result<Option<u32>, Fault> {
        Ok(self.fresh_token_seconds)
    }

    fn blocks_common_passwords(&self) -> Result<bool, Fault> {
        Ok(false)
    }

    fn database(&self) -> Result<&Sqlite, Fault> {
        Ok(&self.database)
    }

    fn bucket(&self) -> Result<&Memory, Fault> {
        Ok(&self.bucket)
    }

    fn health(&self) -> &Health {
        &self.health
    }

    fn known(&self) -> &KnownAccounts {
        &self.known
    }

    fn in_flight(&self) -> &InFlight {
        &self.in_flight
    }

    fn limits(&self) -> &Allowed {
        &self.limits
    }

    fn pass_through(&self) -> Result<&PassThrough, Fault> {
        Ok(&self.pass_through)
    }

    fn public_origin(&self) -> Result<Option<&str>, Fault> {
        Ok(None)
    }

    fn upload_limits(&self) -> Result<UploadLimits, Fault> {
        Ok(UploadLimits { bytes: 1024, pixels: 1024 })
    }
}

fn except_updates(class: Class<'_>) -> bool {
    !matches!(class, Class::Update(..))
}

fn except_failed_auth(class: Class<'_>) -> bool {
    !matches!(class, Class::FailedAuth)
}

fn except_costly(class: Class<'_>) -> bool {
    !matches!(class, Class::Costly(_))
}

/// A request as a client sends it.
struct TestRequest<'a> {
    method: &'a str,
    path: &'a str,
    bearer: Option<&'a str>,
    content_type: &'a str,
    body: &'a str,
}

fn put<'a>(path: &'a str, bearer: Option<&'a str>, content_type: &'a str, body: &'a str) -> TestRequest<'a> {
    TestRequest { method: "PUT", path, bearer, content_type, body }
}

fn send(sent: TestRequest<'_>) -> Outcome {
    send_with_limits(|_| true, sent)
}

fn send_with_limits(allowed: Allowance, sent: TestRequest<'_>) -> Outcome {
    send_to(&platform(allowed), sent)
}

fn platform(allowed: Allowance) -> Native {
    Native {
        keys: keys(),
        event_loop: Instance::default(),
        fresh_token_seconds: None,
        database: sqlite(),
        bucket: Memory::default(),
        health: Health::default(),
        in_flight: InFlight::new(),
        known: KnownAccounts::default(),
        limits: Allowed(allowed),
        pass_through: PassThrough::default(),
    }
}

fn send_to(platform: &Native, TestRequest { method, path, bearer, content_type, body }: TestRequest<'_>) -> Outcome {
    let authorization = bearer.map(|token| format!("Bearer {token}"));
    let call = Call {
        request_id: "test",
        method,
        authorization: authorization.as_deref(),
        origin: "https://api.example.com",
        now: NOW * 1000,
    };
    let was_read = Rc::default();
    let body = Text { content_type: content_type.to_owned(), content: body.to_owned(), was_read: Rc::clone(&was_read) };
    let reply = match ready(serve::handle(&Route::of(path), &call, platform, body)) {
        serve::Outcome::Reply(reply) => reply,
        serve::Outcome::Newcomer(_) => panic!("nothing is passed on"),
    };
    Outcome { reply, body_was_read: was_read.get(), calls: platform.database.calls.get() }
}

fn token(id: i64) -> String {
    signed(json!({"sub": id, "exp": NOW + 60}))
}

fn paths() -> impl Iterator<Item = String> {
    UPDATES.iter().map(|update| update.path().replace(":id", "6"))
}

#[test]
fn without_a_valid_token_neither_body_nor_database_is_used() {
    for path in paths() {
        for bearer in [None, Some("x.y.z")] {
            let outcome = send(put(&path, bearer, "application/json", "{}"));
            assert_eq!((outcome.reply.answer.status, outcome.body_was_read, outcome.calls), (401, false, 0), "{path}");
        }
    }
}

#[test]
fn with_another_method_neither_body_nor_database_is_used() {
    for path in paths() {
        let outcome = send(TestRequest { method: "PATCH", ..put(&path, Some(&token(6)), "application/json", "{}") });
        assert_eq!((outcome.reply.answer.status, outcome.body_was_read, outcome.calls), (405, false, 0), "{path}");
        assert_eq!(outcome.reply.allow, Some("PUT"));
    }
}

#[test]
fn an_invalid_body_is_refused_without_the_database() {
    for path in paths() {
        for (content_type, body, status) in [("application/json", "{", 400), ("text/plain", "{}", 415)] {
            let outcome = send(put(&path, Some(&token(6)), content_type, body));
            assert_eq!((outcome.reply.answer.status, outcome.calls), (status, 0), "{path}");
        }
    }
}

#[test]
fn an_update_is_one_call_whether_the_database_accepts_or_refuses_it() {
    for (caller, status) in [(6, 200), (43, 401)] {
        for path in paths() {
            let body = match path.as_str() {
                "/users" => r#"{"name": "Luis"}"#,
                path if path.ends_with("/foto") => r#"{"foto_url": "https://example.com/a"}"#,
                _ => "{}",
            };
            let outcome = send(put(&path, Some(&token(caller)), "application/json", body));
            assert_eq!((outcome.reply.answer.status, outcome.calls), (status, 1), "{path}");
            assert_eq!(outcome.reply.account, Some(caller));
        }
    }
}

#[test]
fn above_a_rate_limit_no_further_checks_run() {
    let json = "application/json";
    let refused = |outcome: Outcome| {
        let reply = &outcome.reply;
        assert_eq!((reply.answer.status, reply.retry_after, reply.code), (429, Some(60), Some("too_many_requests")));
        (outcome.body_was_read, outcome.calls)
    };
    for path in paths() {
        assert_eq!(refused(send_with_limits(except_updates, put(&path, Some(&token(6)), json, "{"))), (false, 0));
        assert_eq!(refused(send_with_limits(except_failed_auth, put(&path, None, json, "{}"))), (false, 0));
        let good = send_with_limits(except_failed_auth, put(&path, Some(&token(6)), json, "{"));
        assert_eq!(good.reply.answer.status, 400);
    }
    let form = "multipart/form-data; boundary=x";
    for path in ["/api/personas/6/foto", "/api/profile/6/update/"] {
        assert_eq!(refused(send_with_limits(except_costly, put(path, Some(&token(6)), form, ""))), (false, 0));
    }
    let password = r#"{"password": "a new one"}"#;
    let costly = send_with_limits(except_costly, put("/api/v1/users/7", Some(&token(6)), json, password));
    assert_eq!(refused(costly), (true, 0));
    let cheap =
        send_with_limits(except_costly, put("/api/v1/users/7", Some(&token(6)), json, r#"{"full_name": "Jo"}"#));
    assert_eq!(cheap.reply.answer.status, 200);
}

#[test]
fn a_sensitive_change_requires_a_recent_authentication_if_configured() {
    let with = |seconds, age| {
        let platform = Native { fresh_token_seconds: seconds, ..platform(|_| true) };
        let bearer = signed(json!({"sub": 6, "iat": NOW - 86_400, "auth_time": NOW - age, "exp": NOW + 60}));
        let sent = put("/users", Some(&bearer), "application/json", r#"{"email": "luis.p@example.com"}"#);
        let Outcome { reply, calls, .. } = send_to(&platform, sent);
        (reply.answer.status, reply.code, calls)
    };
    assert_eq!(with(None, 86_400), (200, None, 1));
    assert_eq!(with(Some(300), 300), (200, None, 1));
    assert_eq!(with(Some(300), 301), (401, Some("stale_token"), 0));
    // The login service's clock may be ahead of the worker's.
    assert_eq!(with(Some(1), -60), (200, None, 1));
    assert_eq!(with(Some(1), -61), (401, Some("stale_token"), 0));
}

#[test]
fn if_too_many_requests_wait_for_hashing_a_new_password_is_a_503_and_other_changes_are_applied() {
    let platform = platform(|_| true);
    let mut others: Vec<_> = (0..65).map(|name| platform.event_loop.request(name, 1)).collect();
    platform.event_loop.run(&mut others, 1);
    let bearer = token(6);
    let put = |body| send_to(&platform, put("/api/v1/users/7", Some(&bearer), "application/json", body)).reply;
    let reply = put(r#"{"password": "a new one", "full_name": "Jo"}"#);
    assert_eq!((reply.answer.status, reply.retry_after, reply.code), (503, Some(5), None));
    let body = r#"{"success":false,"message":"Error interno del servidor","data":null}"#;
    assert_eq!(reply.answer.body, body);
    assert!(matches!(reply.fault, Some(Fault::Busy)));
    let reply = put("{}");
    assert!(reply.answer.status == 200 && !reply.answer.body.contains(r#""Jo""#), "{}", reply.answer.body);
}

#[test]
fn faults_of_the_id_and_of_the_body_are_reported_together() {
    let outcome = send(put("/api/v1/users/x", Some(&token(1)), "application/json", r#"{"full_name": "J"}"#));
    let message = "El campo 'id' debe ser numérico. El campo 'full_name' debe tener entre 2 y 100 caracteres";
    assert_eq!(outcome.reply.answer.body, format!(r#"{{"success":false,"message":"{message}","data":null}}"#));
}

#[test]
fn a_health_check_that_waits_for_another_reports_how_long_it_has_waited() {
    let (health, instance) = (Health::default(), Instance::default());
    let check = || -> Request<'_> { Box::pin(health.check(&Silent, 0, &instance)) };
    let results = instance.run(&mut [check(), check()], 9_990);
    assert!(results.iter().all(Option::is_none), "{results:?}");
    let results = instance.run(&mut [check()], 10_050);
    let Some(Err(fault)) = &results[0] else { panic!("{results:?}") };
    assert_eq!(fault.to_string(), "database: no response within 10 s");
}
