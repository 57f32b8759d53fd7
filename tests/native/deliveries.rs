//! The delivery of the change feed (contract C2 to C4): the content and signature of posts, and the guarantee that each
//! receiver gets every change of its accounts in order, despite failures and crashes.

use super::database::{Sqlite, sqlite};
use super::statements::{SEAM, TRACE, access, some, update};
use super::{read, ready};
use perfil::auth::WebhookSecret;
use perfil::dialect::{django, falcon, seam};
use perfil::domain::{Account, AccountChange, BackEnd, Fault, Field, PasswordHash, Receiver, Setting, text};
use perfil::serve::Urls;
use perfil::serve::feed::{
    AFTER_REPLY, Budget, Courier, DeliveryResult, EVERY_MINUTE, Feed, Post, Subscription, deliver,
};
use perfil::store::{self, Batch, Lease, Next, READ_CHANGES, Statement, Step, Update};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const RECEIVERS: [Receiver; 5] = [
    Receiver::All,
    Receiver::Personas,
    Receiver::BackEnd(BackEnd::Seam),
    Receiver::BackEnd(BackEnd::Falcon),
    Receiver::BackEnd(BackEnd::Django),
];

/// The test vector of the specification's authors, which they test their libraries with.
#[test]
fn signatures_match_the_published_test_vector() {
    let secret = WebhookSecret::parse(SECRET).unwrap();
    let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    assert_eq!(format!("{secret:?}"), "WebhookSecret([redacted])");
}

#[test]
fn a_secret_must_be_whsec_and_the_base64_of_24_to_64_bytes() {
    let base64 = |bytes: usize| format!("{}{}", "AAAA".repeat(bytes / 3), ["", "AA==", "AAA="][bytes % 3]);
    for (text, is_valid) in [
        (SECRET.to_owned(), true),
        (format!(" {SECRET}\n"), true),
        (SECRET.replace("whsec_", ""), false),
        (SECRET.replace("whsec_", "WHSEC_"), false),
        (format!("{SECRET}!"), false),
        (format!("whsec_{}", base64(23)), false),
        (format!("whsec_{}", base64(24)), true),
        (format!("whsec_{}", base64(32)), true),
        (format!("whsec_{}", base64(64)), true),
        (format!("whsec_{}", base64(65)), false),
        (String::new(), false),
    ] {
        assert_eq!(WebhookSecret::parse(&text).is_some(), is_valid, "{text}");
    }
}

fn table(entries: &[(&str, &str)]) -> Result<Option<Urls>, Fault> {
    Ok(Some(Urls::Each(entries.iter().map(|(name, url)| ((*name).to_owned(), (*url).to_owned())).collect())))
}

fn names(receivers: impl IntoIterator<Item = Receiver>) -> Vec<&'static str> {
    receivers.into_iter().map(Receiver::name).collect()
}

/// Returns the receivers that get changes with these settings, the faults in the settings, and the feed.
fn feed(
    urls: Result<Option<Urls>, Fault>,
    hashes: &str,
    secrets: &[(Setting, &str)],
) -> (Vec<&'static str>, Vec<String>, Feed) {
    let secret = |setting| secrets.iter().find(|(known, _)| *known == setting).map(|(_, secret)| (*secret).to_owned());
    let feed = Feed::new(urls, hashes, secret);
    let faults = feed.faults.iter().map(ToString::to_string).collect();
    (names(feed.subscriptions.iter().map(|subscription| subscription.receiver)), faults, feed)
}

#[test]
fn an_invalid_setting_of_one_receiver_does_not_affect_the_others() {
    const HTTPS: &str = "https://a.example.com/changes?x=1";
    let shared: &[(Setting, &str)] = &[(Setting::ChangesSecret, SECRET)];
    let both = || table(&[("falcon", HTTPS), ("seam", "http://localhost:3000/hook")]);
    let one = |url: &str| Ok(Some(Urls::One(url.to_owned())));
    let unset = |name: &str| vec![format!("{name} is not set, and neither is CHANGES_SECRET")];
    let bad = |name: &str| vec![format!("{name} is not whsec_ followed by the base64 of 24 to 64 bytes")];
    let insecure = vec!["CHANGES_URL has a URL that is not https (or http on localhost)".to_owned()];
    let hashes = vec!["CHANGES_HASHES is neither on nor empty, so nothing is delivered".to_owned()];
    let none: Vec<&str> = Vec::new();
    for (urls, with_hashes, secrets, expected, faults) in [
        (Ok(None), "", shared, none.clone(), vec![]),
        (Ok(None), "nonsense", &[], none.clone(), vec![]),
        (one(HTTPS), "", shared, vec!["all"], vec![]),
        (both(), "on", shared, vec!["falcon", "seam"], vec![]),
        (one("http://a.example.com/"), "", shared, none.clone(), insecure.clone()),
        (one("https://user@a.example.com/"), "", shared, none.clone(), insecure.clone()),
        (table(&[("seam", "x"), ("django", HTTPS)]), "", shared, vec!["django"], insecure),
        (one(HTTPS), "", &[], none.clone(), vec!["CHANGES_SECRET is not set, so nothing is delivered".to_owned()]),
        (both(), "", &[(Setting::ChangesSecretFalcon, SECRET)], vec!["falcon"], unset("CHANGES_SECRET_SEAM")),
        (both(), "", &[(Setting::ChangesSecretSeam, "x"), shared[0]], vec!["falcon"], bad("CHANGES_SECRET_SEAM")),
        (
            both(),
            "",
            &[(Setting::ChangesSecret, "x")],
            none.clone(),
            [bad("CHANGES_SECRET"), bad("CHANGES_SECRET")].concat(),
        ),
        (both(), "yes", shared, none, hashes),
        (
            table(&[("all", HTTPS), ("Seam", HTTPS), ("personas", HTTPS)]),
            "",
            shared,
            vec!["personas"],
            vec!["CHANGES_URL has an entry that is not personas, seam, falcon or django".to_owned(); 2],
        ),
        (
            Err(Fault::Setting { name: "CHANGES_URL", problem: "is wrong" }),
            "",
            shared,
            vec![],
            vec!["CHANGES_URL is wrong".to_owned()],
        ),
    ] {
        let (subscribed, found, _) = feed(urls.clone(), with_hashes, secrets);
        assert_eq!((subscribed, found), (expected, faults), "{urls:?} {with_hashes} {secrets:?}");
    }
    let (_, _, feed) = feed(both(), "", &[]);
    assert_eq!(names(feed.receivers), ["falcon", "seam"], "retention counts the changes that they have not received");
    assert!(!format!("{:?}", feed.subscriptions).contains(SECRET));
}

/// Takes the lease and reads the next post.
fn take(database: &Sqlite, receiver: Receiver, with_hashes: bool) -> (Lease, Option<Next>) {
    let lease = Lease::new(receiver, with_hashes).unwrap();
    let next = ready(lease.step(database, Step::Take)).unwrap();
    (lease, next)
}

fn changes(next: &Next) -> Vec<Value> {
    let body: Value = serde_json::from_str(&next.body).unwrap();
    assert_eq!(body["type"], "changes");
    assert!(body["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(body.as_object().unwrap().len(), 3);
    let changes = body["data"]["changes"].as_array().unwrap().clone();
    assert_eq!(changes.len(), next.count);
    changes
}

/// Returns the changes that a receiver would get now.
fn pending_changes(database: &Sqlite, receiver: Receiver, with_hashes: bool) -> Vec<Value> {
    database.connection.execute("DELETE FROM receivers", []).unwrap();
    let (_, next) = take(database, receiver, with_hashes);
    database.connection.execute("DELETE FROM receivers", []).unwrap();
    next.map_or(Vec::new(), |next| changes(&next))
}

fn insert(database: &Sqlite, actor: i64, account: Option<i64>, persona: Option<i64>, fields: &str) {
    let sql = "INSERT INTO changes (request_id, route, actor_id, account_id, persona_id, fields)
        VALUES ('r', 'PUT /users', ?1, ?2, ?3, ?4)";
    database.connection.execute(sql, (actor, account, persona, fields)).unwrap();
}

const EVERY_FIELD: &str = r#"["username","email","full_name","first_name","last_name","number_phone","image","role_id",
    "password_hash"]"#;

/// A database in which no back end's ID equals an account's own ID: seam's IDs are 100 higher, falcon's 200, django's
/// 300.
fn numbered() -> Sqlite {
    let database = sqlite();
    database
        .connection
        .execute_batch(
            "UPDATE identities SET id = id + CASE back_end WHEN 'seam' THEN 100 WHEN 'falcon' THEN 200 ELSE 300 END",
        )
        .unwrap();
    database
}

#[test]
fn each_receiver_gets_its_own_ids_fields_and_records() {
    let database = numbered();
    let sql = "UPDATE users SET full_name = 'Jané \"Q\" \\ Smith', number_phone = '55', image = 'avatars/7/a.jpg'
        WHERE id = 7;
        UPDATE identities SET role_id = 77 WHERE account_id = 7 AND back_end = 'falcon';
        DELETE FROM identities WHERE account_id = 1 AND back_end = 'falcon';";
    database.connection.execute_batch(sql).unwrap();
    insert(&database, 1, Some(7), None, EVERY_FIELD);
    insert(&database, 5, None, Some(8), r#"["telefono","nombres"]"#);
    let times = json!({"at": null, "timestamp": null});
    let without_time = |mut change: Value| {
        let at = change["at"].take();
        assert!(at.as_str().unwrap().len() == 24, "{at} {times}");
        change
    };
    let of = |receiver| pending_changes(&database, receiver, false).into_iter().map(without_time).collect::<Vec<_>>();
    let change = |actor: Value, subject: Value, fields: Value, record: Value| {
        json!({"id": 1, "at": null, "request_id": "r", "route": "PUT /users", "actor": actor, "subject": subject,
            "fields": fields, "record": record})
    };
    let account = |number: i64| json!({"account": number});
    let name = "Jané \"Q\" \\ Smith";
    assert_eq!(
        of(Receiver::BackEnd(BackEnd::Seam)),
        [change(
            account(101),
            account(107),
            json!(["email", "full_name", "roleId", "password"]),
            json!({"idUser": 107, "full_name": name, "email": "jane.smith@example.com", "roleId": 2, "isActive": true})
        )]
    );
    assert_eq!(
        of(Receiver::BackEnd(BackEnd::Falcon)),
        [change(
            Value::Null,
            account(207),
            json!(["username", "email", "name", "image_path", "password"]),
            json!({"id": 207, "email": "jane.smith@example.com", "name": name, "username": "jane_smith",
                "image_path": "avatars/7/a.jpg", "role_id": 77})
        )]
    );
    assert_eq!(
        of(Receiver::BackEnd(BackEnd::Django)),
        [change(
            account(301),
            account(307),
            json!(["username", "email", "first_name", "last_name", "number_phone", "avatar", "password"]),
            json!({"id": 307, "username": "jane_smith", "email": "jane.smith@example.com", "first_name": "Jane",
                "last_name": "Smith", "number_phone": "55", "avatar": "/media/avatars/7/a.jpg", "is_active": true})
        )]
    );
    let persona = json!({"id": 2, "at": null, "request_id": "r", "route": "PUT /users", "actor": {"account": 5},
        "subject": {"persona": 8}, "fields": ["telefono", "nombres"], "record": {"id": 8, "nombres": "Ana",
        "apellidos": "Rojas", "telefono": null, "dni": "55667788", "foto_url": null}});
    assert_eq!(of(Receiver::Personas), std::slice::from_ref(&persona));
    let [full, mut full_persona]: [Value; 2] = of(Receiver::All).try_into().unwrap();
    assert_eq!(
        full,
        change(
            account(1),
            account(7),
            serde_json::from_str(EVERY_FIELD).unwrap(),
            json!({"id": 7, "identities": {"seam": 107, "falcon": 207, "django": 307}, "username": "jane_smith",
                "email": "jane.smith@example.com", "full_name": name, "first_name": "Jane", "last_name": "Smith",
                "number_phone": "55", "image": "avatars/7/a.jpg", "role_id": 2, "is_active": true, "is_staff": false,
                "is_superuser": false, "created_at": "2024-03-03T10:00:00.000Z",
                "updated_at": "2024-03-03T10:00:00.000Z", "last_login": null})
        )
    );
    let record = full_persona["record"].as_object_mut().unwrap();
    assert_eq!(record.remove("user_id"), Some(Value::Null));
    assert_eq!(record.remove("created_at"), Some(json!("2024-03-04T11:00:00.000Z")));
    assert_eq!(full_persona, persona);
}

#[test]
fn a_receiver_gets_only_changes_of_its_accounts_fields_and_records() {
    let database = numbered();
    database.connection.execute_batch("DELETE FROM identities WHERE account_id = 42 AND back_end = 'falcon'").unwrap();
    let mut id = 0;
    let mut expected: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    let columns = [
        ("username", "falcon django"),
        ("email", "seam falcon django"),
        ("full_name", "seam falcon"),
        ("first_name", "django"),
        ("last_name", "django"),
        ("number_phone", "django"),
        ("image", "falcon django"),
        ("role_id", "seam"),
        ("password_hash", "seam falcon django"),
    ];
    for account in [7, 42] {
        for (column, receivers) in columns {
            id += 1;
            insert(&database, 1, Some(account), None, &format!(r#"["{column}"]"#));
            for receiver in receivers.split(' ').filter(|name| account == 7 || *name != "falcon").chain(["all"]) {
                expected.entry(receiver).or_default().push(id);
            }
        }
    }
    for column in ["nombres", "apellidos", "telefono", "dni", "foto_url"] {
        id += 1;
        insert(&database, 5, None, Some(8), &format!(r#"["{column}"]"#));
        for receiver in ["personas", "all"] {
            expected.entry(receiver).or_default().push(id);
        }
    }
    for receiver in RECEIVERS {
        let changes = pending_changes(&database, receiver, true);
        let ids: Vec<i64> = changes.iter().map(|change| change["id"].as_i64().unwrap()).collect();
        assert_eq!(ids, expected[receiver.name()], "{}", receiver.name());
        assert!(changes.iter().all(|change| change["fields"].as_array().unwrap().len() == 1));
    }
}

#[test]
fn a_hash_is_sent_only_with_a_change_of_the_password_and_only_if_hashes_are_on() {
    let database = numbered();
    insert(&database, 1, Some(7), None, r#"["email"]"#);
    insert(&database, 1, Some(7), None, r#"["email","password_hash"]"#);
    for receiver in RECEIVERS.into_iter().filter(|receiver| *receiver != Receiver::Personas) {
        let with = |on| -> Vec<Option<String>> {
            let changes = pending_changes(&database, receiver, on).into_iter();
            changes.map(|change| change["record"].get("password_hash")?.as_str().map(str::to_owned)).collect()
        };
        assert_eq!(with(false), [None, None]);
        assert!(matches!(&with(true)[..], [None, Some(hash)] if hash.starts_with("$2b$12$")), "{}", receiver.name());
        let off = pending_changes(&database, receiver, false);
        assert!(!json!(off).to_string().contains("$2b$"));
    }
}

/// The record in an endpoint's reply and the record in a post must not differ.
#[test]
fn a_record_has_the_values_that_the_back_ends_own_endpoint_returns() {
    let database = sqlite();
    for image in [None, Some("avatars/7/a.jpg"), Some("https://example.com/a.jpg"), Some("profile-pictures/x.png")] {
        database.connection.execute("UPDATE users SET image = ?1, number_phone = NULL", [image]).unwrap();
        database.connection.execute("DELETE FROM changes", []).unwrap();
        insert(&database, 1, Some(7), None, EVERY_FIELD);
        let account = |target, permission| -> Account {
            update(&database, &access(7, target, permission), &AccountChange::default()).unwrap()
        };
        database.connection.execute("UPDATE users SET role_id = 1 WHERE id = 7", []).unwrap();
        let shown = [
            (BackEnd::Seam, (seam::USER.show)(&account(Some(7), SEAM))),
            (BackEnd::Falcon, (falcon::USERS.show)(&account(None, None))),
            (BackEnd::Django, (django::PROFILE.show)(&account(Some(7), None))),
        ];
        for (back_end, shown) in shown {
            let shown: Value = serde_json::from_str(&shown).unwrap();
            let mut shown = shown.get("data").unwrap_or(&shown).clone();
            if back_end == BackEnd::Falcon {
                // The endpoint returns a string. The post contains a number, like all other posts.
                shown["id"] = json!(shown["id"].as_str().unwrap().parse::<i64>().unwrap());
            }
            let record = pending_changes(&database, Receiver::BackEnd(back_end), false).remove(0)["record"].take();
            for (name, value) in record.as_object().unwrap().iter().filter(|(name, _)| *name != "isActive") {
                assert_eq!(shown.get(name), Some(value), "{} {name}", back_end.name());
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The SQL statement decides whether a text is a picture's key. Elsewhere, `ObjectKey` does.
    #[test]
    fn djangos_avatar_is_the_path_that_its_endpoint_returns(
        image in prop_oneof![
            "(avatars/)?[a-z0-9._/-]{0,12}(\\.(jpg|JPEG|png|gif|webp|txt))?",
            "avatars/7/[ -~]{0,8}\\.png",
            "\\PC{1,20}",
        ],
    ) {
        prop_assume!(!image.is_empty());
        let database = sqlite();
        database.connection.execute("UPDATE users SET image = ?1 WHERE id = 7", [&image]).unwrap();
        insert(&database, 1, Some(7), None, r#"["image"]"#);
        let account: Account =
            update(&database, &access(7, Some(7), None), &AccountChange::default()).unwrap();
        let shown: Value = serde_json::from_str(&(django::PROFILE.show)(&account)).unwrap();
        let record = pending_changes(&database, Receiver::BackEnd(BackEnd::Django), false).remove(0)["record"].take();
        prop_assert_eq!(&record["avatar"], &shown["avatar"], "{}", image);
    }
}

#[test]
fn a_removed_record_is_null_and_an_account_without_an_id_is_omitted() {
    let database = sqlite();
    insert(&database, 1, Some(42), None, r#"["email"]"#);
    insert(&database, 5, None, Some(8), r#"["dni"]"#);
    database
        .connection
        .execute_batch("DELETE FROM users WHERE id IN (42, 5); DELETE FROM personas WHERE id = 8")
        .unwrap();
    let all = pending_changes(&database, Receiver::All, true);
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|change| change["record"].is_null()));
    assert_eq!((&all[0]["subject"], &all[1]["actor"]), (&json!({"account": 42}), &json!({"account": 5})));
    assert!(pending_changes(&database, Receiver::Personas, false)[0]["record"].is_null());
    assert!(pending_changes(&database, Receiver::BackEnd(BackEnd::Seam), false).is_empty());
}

#[test]
fn only_one_delivery_at_a_time_holds_the_lease() {
    let database = sqlite();
    let receiver = Receiver::All;
    assert!(take(&database, receiver, false).1.is_none(), "there is nothing to deliver");
    let count = "SELECT count(*) FROM receivers";
    assert_eq!(database.connection.query_row::<i64, _, _>(count, [], |row| row.get(0)).unwrap(), 0);
    insert(&database, 1, Some(7), None, r#"["email"]"#);
    let (first, next) = take(&database, receiver, false);
    assert_eq!(next.unwrap().position, 1);
    assert!(take(&database, receiver, false).1.is_none(), "another delivery holds the lease");
    assert!(take(&database, Receiver::BackEnd(BackEnd::Seam), false).1.is_some(), "each receiver has its own lease");
    assert!(ready(first.step(&database, Step::Take)).unwrap().is_some(), "a step is idempotent");
    database.connection.execute("UPDATE receivers SET leased_until = '2000-01-01T00:00:00.000Z'", []).unwrap();
    let (second, next) = take(&database, receiver, false);
    assert_eq!(next.unwrap().position, 1, "a lease expires");
    // A delivery that has lost the lease can't change anything.
    for step in [Step::Advance { position: 1, keep: true }, Step::Postpone { seconds: 5 }] {
        assert!(ready(first.step(&database, step)).unwrap().is_none());
    }
    let row = |column: &str| -> rusqlite::types::Value {
        let sql = format!("SELECT {column} FROM receivers WHERE name = 'all'");
        database.connection.query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!((row("position"), row("failures")), (0.into(), 0.into()));
    assert!(ready(second.step(&database, Step::Postpone { seconds: 60 })).unwrap().is_none());
    assert_eq!((row("failures"), row("lease")), (1.into(), rusqlite::types::Value::Null));
    assert!(take(&database, receiver, false).1.is_none(), "the next attempt is not due");
    database.connection.execute("UPDATE receivers SET next_attempt_at = '2000-01-01T00:00:00.000Z'", []).unwrap();
    let (third, next) = take(&database, receiver, false);
    assert_eq!(next.unwrap().failures, 1);
    assert!(ready(third.step(&database, Step::Advance { position: 1, keep: false })).unwrap().is_none());
    assert_eq!((row("position"), row("failures"), row("lease")), (1.into(), 0.into(), rusqlite::types::Value::Null));
    assert!(take(&database, receiver, false).1.is_none(), "everything has been delivered");
}

/// Adds rows to the feed. `of` maps the index of a row to its account.
fn fill(database: &Sqlite, count: i64, of: impl Fn(i64) -> i64) {
    database.connection.execute_batch("BEGIN").unwrap();
    for number in 0..count {
        insert(database, 1, Some(of(number)), None, r#"["email"]"#);
    }
    database.connection.execute_batch("COMMIT").unwrap();
}

#[test]
fn rows_that_do_not_concern_a_receiver_are_skipped_a_thousand_at_a_time() {
    let database = sqlite();
    database.connection.execute("DELETE FROM identities WHERE account_id = 1 AND back_end = 'seam'", []).unwrap();
    fill(&database, 2500, |_| 1);
    insert(&database, 1, Some(7), None, r#"["email"]"#);
    database.connection.execute("DELETE FROM changes WHERE id <= 300 OR id BETWEEN 1000 AND 1400", []).unwrap();
    let (lease, mut next) = take(&database, Receiver::BackEnd(BackEnd::Seam), false);
    let mut steps = Vec::new();
    while let Some(found) = next {
        steps.push((found.count, found.position));
        let keep = found.position < found.newest;
        next = ready(lease.step(&database, Step::Advance { position: found.position, keep })).unwrap();
    }
    assert_eq!(steps, [(0, 1300), (0, 2400), (1, 2501)]);
}

#[test]
fn reading_changes_scans_no_table() {
    let database = sqlite();
    let plan = super::statements::plan(&database, READ_CHANGES);
    assert!(plan.contains("SEARCH changes USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"), "{plan}");
    for step in plan.lines() {
        let scans = ["changes", "users", "personas", "identities", "account", "persona", "identity", "actor"];
        assert!(!scans.iter().any(|table| step == format!("SCAN {table}")), "{step}");
    }
}

/// A receiver controlled by the tests, and a clock that advances with each pause.
#[derive(Default)]
struct Inbox {
    now: Cell<i64>,
    /// The accepted posts: their IDs and changes.
    accepted: RefCell<Vec<(String, Vec<Value>)>>,
    /// Number of posts that fail before the next one is accepted.
    failing: Cell<u32>,
    pauses: RefCell<Vec<u64>>,
    attempts: Cell<u32>,
    /// Duration of a post, in milliseconds.
    post_duration: Cell<i64>,
}

impl Courier for Inbox {
    async fn post(&self, url: &str, post: Post<'_>) -> Result<(), Fault> {
        self.attempts.set(self.attempts.get() + 1);
        self.now.set(self.now.get() + self.post_duration.get());
        assert_eq!(url, "https://example.com/");
        if self.failing.get() > 0 {
            self.failing.set(self.failing.get() - 1);
            return Err(Fault::Receiver("returned 500".to_owned()));
        }
        let secret = WebhookSecret::parse(SECRET).unwrap();
        assert_eq!(post.signature, secret.sign(&post.id, post.timestamp, post.body));
        let body: Value = serde_json::from_str(post.body).unwrap();
        self.accepted.borrow_mut().push((post.id, body["data"]["changes"].as_array().unwrap().clone()));
        Ok(())
    }

    async fn pause(&self, milliseconds: u64) {
        self.pauses.borrow_mut().push(milliseconds);
        self.now.set(self.now.get() + i64::try_from(milliseconds).unwrap());
    }

    fn now(&self) -> i64 {
        self.now.get()
    }
}

fn subscription() -> Subscription {
    let urls = Ok(Some(Urls::One("https://example.com/".to_owned())));
    let (_, _, mut feed) = feed(urls, "", &[(Setting::ChangesSecret, SECRET)]);
    feed.subscriptions.remove(0)
}

fn run(database: &impl Batch, inbox: &Inbox, budget: Budget) -> DeliveryResult {
    ready(deliver(&subscription(), database, inbox, budget))
}

#[test]
fn a_run_posts_100_changes_at_a_time_with_one_call_per_post_and_one_more() {
    let (database, inbox) = (sqlite(), Inbox::default());
    fill(&database, 250, |_| 7);
    let before = database.calls.get();
    let DeliveryResult { sent, position, fault } = run(&database, &inbox, AFTER_REPLY);
    assert!(fault.is_none());
    assert_eq!((sent, position, database.calls.get() - before), (250, Some(250), 4));
    let ids: Vec<String> = inbox.accepted.borrow().iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(ids, ["all-1-100", "all-101-200", "all-201-250"]);
    let before = database.calls.get();
    assert_eq!(run(&database, &inbox, AFTER_REPLY).sent, 0);
    assert_eq!(database.calls.get() - before, 1, "a run with nothing to do makes one call");
}

#[test]
fn a_run_ends_with_its_budget_and_the_next_one_continues() {
    let (database, inbox) = (sqlite(), Inbox::default());
    fill(&database, 1000, |_| 7);
    let calls = run(&database, &inbox, Budget { milliseconds: 10_000, calls: 4 });
    assert_eq!((calls.sent, calls.position), (400, Some(400)));
    inbox.post_duration.set(3000);
    let time = run(&database, &inbox, Budget { milliseconds: 8000, calls: 100 });
    assert_eq!((time.sent, time.position), (300, Some(700)), "no post starts after 8 s");
    assert_eq!(run(&database, &inbox, AFTER_REPLY).position, Some(1000));
}

#[test]
fn receivers_share_the_calls_of_a_budget() {
    assert_eq!(AFTER_REPLY.shared_by(4).calls, AFTER_REPLY.calls / 4);
    assert_eq!(AFTER_REPLY.shared_by(0).calls, AFTER_REPLY.calls);
    // Each takes a call to the database and a post. The total must stay within the platform's limit for an event.
    const { assert!(EVERY_MINUTE.calls * 2 < 1000) };
}

/// SQLite's clock does not follow the inbox's, so the test makes each attempt due itself.
#[test]
fn pauses_between_attempts_grow_up_to_45_seconds() {
    let (database, inbox) = (sqlite(), Inbox::default());
    insert(&database, 1, Some(7), None, r#"["email"]"#);
    let mut pauses = Vec::new();
    for _ in 0..9 {
        inbox.failing.set(1);
        let failed = run(&database, &inbox, Budget { milliseconds: 0, calls: 9 });
        assert_eq!(failed.fault.unwrap().to_string(), "receiver: returned 500");
        let sql = "SELECT round(86400 * (julianday(next_attempt_at) - julianday('now')), 1) FROM receivers";
        pauses.push(database.connection.query_row::<f64, _, _>(sql, [], |row| row.get(0)).unwrap().round());
        database.connection.execute("UPDATE receivers SET next_attempt_at = '2000-01-01'", []).unwrap();
    }
    assert_eq!(pauses, [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 45.0, 45.0, 45.0]);
    assert_eq!(run(&database, &inbox, AFTER_REPLY).sent, 1);
    let failures = "SELECT failures FROM receivers";
    assert_eq!(database.connection.query_row::<i64, _, _>(failures, [], |row| row.get(0)).unwrap(), 0);
}

/// A database in which every attempt is always due.
struct AlwaysDue(Sqlite);

impl Batch for AlwaysDue {
    async fn batch<const N: usize>(&self, statements: [Statement; N]) -> Result<[Vec<String>; N], Fault> {
        self.0.connection.execute("UPDATE receivers SET next_attempt_at = NULL", []).unwrap();
        self.0.batch(statements).await
    }
}

#[test]
fn a_run_retries_while_its_budget_lasts() {
    let (database, inbox) = (AlwaysDue(sqlite()), Inbox::default());
    insert(&database.0, 1, Some(7), None, r#"["email"]"#);
    inbox.failing.set(2);
    let delivered = run(&database, &inbox, AFTER_REPLY);
    assert_eq!((delivered.sent, inbox.attempts.get()), (1, 3));
    assert_eq!(delivered.fault.unwrap().to_string(), "receiver: returned 500", "the failed attempt is logged");
    assert_eq!(*inbox.pauses.borrow(), [1020, 2020]);
    insert(&database.0, 1, Some(7), None, r#"["email"]"#);
    inbox.failing.set(100);
    inbox.pauses.borrow_mut().clear();
    assert_eq!(run(&database, &inbox, AFTER_REPLY).sent, 0);
    assert_eq!(*inbox.pauses.borrow(), [1020, 2020, 4020], "the next pause would end after the budget");
}

/// A database whose next calls fail before or after they are executed.
struct Failing<'a> {
    database: &'a Sqlite,
    faults: RefCell<Vec<Option<bool>>>,
}

impl Batch for Failing<'_> {
    async fn batch<const N: usize>(&self, statements: [Statement; N]) -> Result<[Vec<String>; N], Fault> {
        let next = |faults: &mut Vec<Option<bool>>| if faults.is_empty() { None } else { faults.remove(0) };
        let fault = next(&mut self.faults.borrow_mut());
        let refused = || Fault::Database("refused by the test".to_owned());
        if fault == Some(false) {
            return Err(refused());
        }
        let rows = self.database.batch(statements).await;
        if fault == Some(true) { Err(refused()) } else { rows }
    }
}

#[test]
fn a_failed_call_to_the_database_is_retried_once() {
    for (call, is_made) in [(0, false), (0, true), (1, false), (1, true)] {
        let (database, inbox) = (sqlite(), Inbox::default());
        insert(&database, 1, Some(7), None, r#"["email"]"#);
        let mut faults = vec![None; call];
        faults.push(Some(is_made));
        let failing = Failing { database: &database, faults: RefCell::new(faults) };
        let delivered = run(&failing, &inbox, AFTER_REPLY);
        assert!(delivered.fault.is_none(), "{call} {is_made}: {:?}", delivered.fault);
        assert_eq!((delivered.sent, inbox.accepted.borrow().len()), (1, 1), "{call} {is_made}");
    }
    let (database, inbox) = (sqlite(), Inbox::default());
    insert(&database, 1, Some(7), None, r#"["email"]"#);
    let failing = Failing { database: &database, faults: RefCell::new(vec![None, Some(false), Some(false)]) };
    let delivered = run(&failing, &inbox, AFTER_REPLY);
    assert_eq!(delivered.sent, 1, "the post was accepted, but that is not recorded");
    assert_eq!(delivered.fault.unwrap().to_string(), "database: refused by the test");
}

#[test]
fn retention_counts_the_changes_that_a_receiver_will_never_get() {
    let database = sqlite();
    database.connection.execute("DELETE FROM identities WHERE account_id = 42 AND back_end = 'falcon'", []).unwrap();
    fill(&database, 30, |number| if number < 10 { 42 } else { 7 });
    insert(&database, 5, None, Some(8), r#"["dni"]"#);
    insert(&database, 5, Some(7), None, r#"["role_id"]"#);
    insert(&database, 5, Some(7), None, r#"["email"]"#);
    database.connection.execute("UPDATE changes SET at = '2020-01-01T00:00:00.000Z' WHERE id < 33", []).unwrap();
    database
        .connection
        .execute("INSERT INTO receivers (name, position) VALUES ('seam', 25), ('django', 99)", [])
        .unwrap();
    let undelivered = |receivers: &[Receiver]| {
        database.connection.execute_batch("SAVEPOINT before").unwrap();
        let mut expired = store::RetentionResult::default();
        let connection = &database.connection;
        let nested = Nested(connection);
        ready(store::expire(&nested, 90, receivers, &mut expired)).unwrap();
        database.connection.execute_batch("ROLLBACK TO before; RELEASE before").unwrap();
        assert_eq!((expired.removed, expired.complete), (32, true));
        expired.undelivered
    };
    let back_end = Receiver::BackEnd;
    assert_eq!(undelivered(&[]), 0);
    assert_eq!(undelivered(&[Receiver::All]), 32, "the receiver has no position yet");
    assert_eq!(undelivered(&[back_end(BackEnd::Seam)]), 6, "changes 26 to 30, and the one of the role");
    assert_eq!(undelivered(&[back_end(BackEnd::Falcon)]), 20, "neither the ten of account 42 nor the one of the role");
    assert_eq!(undelivered(&[back_end(BackEnd::Django), Receiver::Personas]), 1);
}

/// Runs batches within a transaction that the test rolls back.
struct Nested<'a>(&'a rusqlite::Connection);

impl Batch for Nested<'_> {
    async fn batch<const N: usize>(&self, statements: [Statement; N]) -> Result<[Vec<String>; N], Fault> {
        let rows: Vec<_> = statements.iter().map(|each| super::database::run(self.0, each).unwrap()).collect();
        Ok(rows.try_into().unwrap())
    }
}

/// A database whose calls yield before and after they are executed, so that the test decides which delivery proceeds.
struct Stepwise<'a>(&'a Sqlite);

async fn step() {
    let waited = Cell::new(false);
    std::future::poll_fn(|_| if waited.replace(true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl Batch for Stepwise<'_> {
    async fn batch<const N: usize>(&self, statements: [Statement; N]) -> Result<[Vec<String>; N], Fault> {
        step().await;
        self.0.connection.execute("UPDATE receivers SET next_attempt_at = NULL", []).unwrap();
        let rows = self.0.batch(statements).await;
        step().await;
        rows
    }
}

/// A receiver that does what the documentation requires: it applies a change to an account only if it is newer than the
/// changes that it already has for that account.
#[derive(Default)]
struct Applying {
    /// The changes' IDs in the order of their first arrival, by account.
    arrived: RefCell<BTreeMap<i64, Vec<i64>>>,
    posts: Cell<u32>,
    /// For each post, whether it fails, and whether its changes arrive nevertheless.
    fates: RefCell<Vec<(bool, bool)>>,
}

impl Courier for &Applying {
    async fn post(&self, _: &str, post: Post<'_>) -> Result<(), Fault> {
        step().await;
        let (fails, arrives) = self.fates.borrow_mut().pop().unwrap_or((false, true));
        if arrives || !fails {
            self.posts.set(self.posts.get() + 1);
            let body: Value = serde_json::from_str(post.body).unwrap();
            for change in body["data"]["changes"].as_array().unwrap() {
                let (id, account) = (change["id"].as_i64().unwrap(), change["subject"]["account"].as_i64().unwrap());
                let mut arrived = self.arrived.borrow_mut();
                let of_account = arrived.entry(account).or_default();
                if !of_account.contains(&id) {
                    of_account.push(id);
                }
            }
        }
        step().await;
        if fails { Err(Fault::Receiver("returned 500".to_owned())) } else { Ok(()) }
    }

    async fn pause(&self, _: u64) {
        step().await;
    }

    fn now(&self) -> i64 {
        0
    }
}

/// Number of cases. The default is lower than in `uploads.rs`, because a case takes longer.
fn orders() -> u32 {
    std::env::var("PERFIL_ORDERS").ok().and_then(|orders| orders.parse().ok()).unwrap_or(60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: orders(), ..ProptestConfig::default() })]

    /// Several instances deliver to a receiver that sometimes fails. They may be cut off at any step or lose their
    /// leases. In the end, every change must have arrived, and those of each account in order.
    #[test]
    fn deliveries_in_any_order_lose_nothing_and_keep_the_order_of_each_account(
        runs in 1..5usize,
        count in 1..130i64,
        fates in prop::collection::vec(any::<(bool, bool)>(), 0..12),
        turns in prop::collection::vec((any::<prop::sample::Index>(), 0..30u8), 0..160),
    ) {
        let (database, applying, subscription) = (sqlite(), Applying::default(), subscription());
        applying.fates.replace(fates);
        fill(&database, count, |number| [7, 42, 5][usize::try_from(number % 3).unwrap()]);
        let stepwise = Stepwise(&database);
        let courier = &applying;
        let mut running: Vec<Pin<Box<dyn Future<Output = DeliveryResult> + '_>>> = Vec::new();
        for _ in 0..runs {
            running.push(Box::pin(deliver(&subscription, &stepwise, &courier, EVERY_MINUTE)));
        }
        let mut turns = turns.into_iter();
        while !running.is_empty() {
            let (turn, fate) = turns.next().map_or((0, 2), |(index, fate)| (index.index(running.len()), fate));
            if fate == 1 {
                // Enough time passes for every lease to expire.
                database.connection.execute("UPDATE receivers SET leased_until = '2000-01-01'", []).unwrap();
            }
            let polled = running[turn].as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if polled.is_ready() || fate == 0 {
                drop(running.remove(turn));
            }
        }
        applying.fates.borrow_mut().clear();
        database.connection.execute("UPDATE receivers SET leased_until = '2000-01-01'", []).unwrap();
        let mut last = Box::pin(deliver(&subscription, &stepwise, &courier, EVERY_MINUTE));
        while last.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {}
        let arrived = applying.arrived.borrow();
        prop_assert_eq!(arrived.values().map(Vec::len).sum::<usize>(), usize::try_from(count).unwrap());
        for ids in arrived.values() {
            prop_assert!(ids.is_sorted(), "{ids:?}");
        }
        let position = "SELECT position FROM receivers";
        prop_assert_eq!(database.connection.query_row::<i64, _, _>(position, [], |row| row.get(0)).unwrap(), count);
    }
}

/// End to end: an update, its row in the feed, and the changes that its receivers get.
#[test]
fn the_fields_that_an_update_sets_are_delivered() {
    let database = sqlite();
    let change = AccountChange {
        full_name: some("Juana"),
        number_phone: Field::Set(text::line("555", 1, 9).unwrap()),
        ..AccountChange::default()
    };
    let access = access(1, Some(7), SEAM);
    let hash = Some(PasswordHash::new("$2b$12$abc".to_owned()));
    ready(store::update::<Account>(&database, &Update { hash, ..Update::new(&access, &change, TRACE) })).unwrap();
    let change = pending_changes(&database, Receiver::BackEnd(BackEnd::Seam), true).remove(0);
    assert_eq!(
        (&change["fields"], &change["record"]["full_name"]),
        (&json!(["full_name", "password"]), &json!("Juana"))
    );
    assert_eq!(change["record"]["password_hash"], "$2b$12$abc");
    assert_eq!((&change["request_id"], &change["route"]), (&json!("test"), &json!("PUT /test")));
    let change = pending_changes(&database, Receiver::BackEnd(BackEnd::Django), false).remove(0);
    assert_eq!(change["fields"], json!(["number_phone", "password"]));
}

/// The statement in docs/operations.md that resets a receiver must revoke the lease of a delivery in progress.
#[test]
fn a_receiver_that_is_reset_gets_everything_again() {
    let (database, inbox) = (sqlite(), Inbox::default());
    fill(&database, 3, |_| 7);
    run(&database, &inbox, AFTER_REPLY);
    let guide = read(&super::project("docs/operations.md"));
    let statement = guide.split("```sql\n").find(|block| block.starts_with("UPDATE receivers")).unwrap();
    let statement = statement.split("```").next().unwrap().replace("'seam'", "'all'");
    insert(&database, 1, Some(7), None, r#"["email"]"#);
    let (in_progress, _) = take(&database, Receiver::All, false);
    assert_eq!(database.connection.execute(&statement, []).unwrap(), 1);
    ready(in_progress.step(&database, Step::Advance { position: 4, keep: false })).unwrap();
    assert_eq!(run(&database, &inbox, AFTER_REPLY).sent, 4);
}
