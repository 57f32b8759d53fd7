//! The change feed (contract C1): each accepted change adds exactly one row, and nothing else adds any.

use super::database::{Memory, Sqlite, run, sqlite};
use super::statements::{SEAM, TRACE, access, some, update};
use super::{project, read, ready};
use perfil::domain::{
    Access, Account, AccountChange, Actor, BackEnd, DEFAULT_MAX_PIXELS, Failure, Field, Id, PasswordHash, Persona,
    PersonaChange, Picture, Receiver, Subject, Target, text,
};
use perfil::store::{self, Lease, RetentionResult, Statement, Step, Stored, Trace, Update, Upload};
use serde_json::{Value, json};
use std::io::Cursor;

const ME: Option<&str> = Some("PUT /api/personas/me");

/// Returns the rows of the feed, without their times.
fn feed(database: &Sqlite) -> Vec<Value> {
    let sql = "SELECT id, request_id, route, actor_id, actor_back_end, account_id, persona_id, fields FROM changes \
         ORDER BY id";
    let rows = run(&database.connection, &Statement { sql, parameters: Vec::new() }).unwrap();
    rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect()
}

fn as_of(back_end: BackEnd, number: i64) -> Actor {
    Actor::verified(Subject::Identity(back_end, Id::new(number).unwrap()), None, None)
}

/// A database in which the back ends' IDs differ from the accounts' own IDs: for example, seam's 10 is account 1, and
/// both falcon's 20 and seam's 70 are account 7.
fn numbered() -> Sqlite {
    let database = sqlite();
    let numbers = "DELETE FROM identities; INSERT INTO identities (back_end, id, account_id) VALUES
        ('seam', 10, 1), ('seam', 70, 7), ('falcon', 20, 7), ('django', 30, 42), ('seam', 50, 5);";
    database.connection.execute_batch(numbers).unwrap();
    database
}

fn named() -> AccountChange {
    AccountChange { full_name: some("Jane"), ..AccountChange::default() }
}

#[test]
fn a_row_records_the_actor_the_record_the_request_and_the_changed_columns() {
    let database = numbered();
    let put = |actor: Actor, access: Access, change: &AccountChange, request_id, route| {
        let access = Access { actor, ..access };
        let update = Update::new(&access, change, Trace { request_id, route });
        ready(store::update::<Account>(&database, &update)).unwrap();
    };
    let several = AccountChange {
        email: some("new@example.com"),
        number_phone: Field::Clear,
        role: Some(3),
        image: Field::Set(text::line("a.jpg", 1, 9).unwrap()),
        ..named()
    };
    put(as_of(BackEnd::Seam, 10), access(1, Some(70), SEAM), &several, "a", "PUT /one");
    put(as_of(BackEnd::Falcon, 20), access(1, None, None), &named(), "b", "PUT /two");
    put(as_of(BackEnd::Django, 30), access(1, Some(30), None), &named(), "c", "PUT /three");
    put(super::actor(1), access(1, Some(10), SEAM), &named(), "d", "PUT /four");
    let persona = |actor: Actor, target, change: PersonaChange| {
        let access = Access { actor, ..access(5, target, ME) };
        ready(store::update::<Persona>(&database, &Update::new(&access, &change, TRACE))).unwrap();
    };
    persona(as_of(BackEnd::Seam, 50), None, PersonaChange { telefono: Field::Clear, ..PersonaChange::default() });
    persona(super::actor(5), Some(8), PersonaChange { dni: some("99.887.766"), ..PersonaChange::default() });
    let row = |id: i64, request_id: &str, route: &str, actor: (i64, Option<&str>), account: i64, fields: &str| {
        json!({"id": id, "request_id": request_id, "route": route, "actor_id": actor.0, "actor_back_end": actor.1,
            "account_id": account, "persona_id": null, "fields": fields})
    };
    let persona = |id: i64, actor_back_end: Option<&str>, persona: i64, fields: &str| {
        json!({"id": id, "request_id": "test", "route": "PUT /test", "actor_id": 5, "actor_back_end": actor_back_end,
            "account_id": null, "persona_id": persona, "fields": fields})
    };
    let all = r#"["email","full_name","number_phone","role_id","image"]"#;
    let rows = [
        row(1, "a", "PUT /one", (1, Some("seam")), 7, all),
        row(2, "b", "PUT /two", (7, Some("falcon")), 7, r#"["full_name"]"#),
        row(3, "c", "PUT /three", (42, Some("django")), 42, r#"["full_name"]"#),
        row(4, "d", "PUT /four", (1, None), 1, r#"["full_name"]"#),
        persona(5, Some("seam"), 5, r#"["telefono"]"#),
        persona(6, None, 8, r#"["dni"]"#),
    ];
    assert_eq!(feed(&database), rows);
}

/// Covers every field that a change can set: the names in a row must be columns of the table.
#[test]
fn fields_are_columns_of_the_record() {
    let database = sqlite();
    let columns = |table: &str| -> Vec<String> {
        let mut names = database.connection.prepare("SELECT name FROM pragma_table_info(?1)").unwrap();
        names.query_map([table], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    let text = some("new-value@example.com");
    let phone = Field::Set(text::line("12345", 1, 9).unwrap());
    let account = AccountChange {
        username: text.clone(),
        email: text.clone(),
        full_name: text.clone(),
        first_name: text.clone(),
        last_name: text.clone(),
        number_phone: phone.clone(),
        image: phone.clone(),
        upload: None,
        role: Some(2),
        password: None,
    };
    let access_to_account = access(1, Some(7), SEAM);
    let hash = Some(PasswordHash::new("$2b$12$abc".to_owned()));
    let update = Update { hash, ..Update::new(&access_to_account, &account, TRACE) };
    ready(store::update::<Account>(&database, &update)).unwrap();
    let persona = PersonaChange {
        nombres: text.clone(),
        apellidos: text,
        telefono: phone.clone(),
        dni: some("99.887.766"),
        foto_url: phone,
        upload: None,
    };
    let access_to_persona = access(5, None, ME);
    ready(store::update::<Persona>(&database, &Update::new(&access_to_persona, &persona, TRACE))).unwrap();
    for (row, table, count) in [(&feed(&database)[0], "users", 9), (&feed(&database)[1], "personas", 5)] {
        let fields: Vec<String> = serde_json::from_str(row["fields"].as_str().unwrap()).unwrap();
        assert_eq!(fields.len(), count, "{row}");
        assert!(fields.iter().all(|field| columns(table).contains(field)), "{row}");
    }
    // The receiver of all changes has a field for each of them.
    let lease = Lease::new(Receiver::All, false).unwrap();
    let next = ready(lease.step(&database, Step::Take)).unwrap().unwrap();
    let body: Value = serde_json::from_str(&next.body).unwrap();
    for (row, change) in feed(&database).iter().zip(body["data"]["changes"].as_array().unwrap()) {
        assert_eq!(row["fields"], change["fields"].to_string());
    }
}

#[test]
fn a_new_password_is_recorded_by_its_column_name_even_if_it_ends_the_callers_session() {
    let database = sqlite();
    let old = Actor::verified(Subject::Account(Id::new(1).unwrap()), Some(1), Some(1));
    let access = Access { actor: old, ..access(1, Some(1), SEAM) };
    let password = Some(text::password("secret-value", 6, 100).unwrap());
    let change = AccountChange { password, ..AccountChange::default() };
    let hash = Some(PasswordHash::new("$2b$12$abc".to_owned()));
    let update = Update { hash, ..Update::new(&access, &change, TRACE) };
    ready(store::update::<Account>(&database, &update)).unwrap();
    let row = feed(&database).remove(0);
    assert_eq!((&row["account_id"], &row["fields"]), (&json!(1), &json!(r#"["password_hash"]"#)));
    let parameters = Account::append_change(&update).parameters;
    assert!(!format!("{parameters:?}").contains("$2b$"), "the INSERT does not get the hash");
    assert!(matches!(ready(store::update::<Account>(&database, &update)), Err(Failure::Refused(_))));
    assert_eq!(feed(&database).len(), 1);
}

#[test]
fn an_upload_adds_one_row_even_if_a_removal_forces_a_retry() {
    let mut bytes = Cursor::new(Vec::new());
    image::GrayImage::new(1, 1).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    let picture = Picture::parse(bytes.into_inner(), DEFAULT_MAX_PIXELS).unwrap();
    let (database, bucket) = (sqlite(), Memory::default());
    let upload = || Upload { picture: &picture, public_origin: "https://api.example.com", owner: Id::new(5) };
    let account = AccountChange { upload: Some(picture.clone()), ..named() };
    let own = access(5, None, None);
    ready(store::upload::<Account>(&database, &bucket, &mut Update::new(&own, &account, TRACE), upload())).unwrap();
    let removal = "UPDATE users SET image = NULL;
        INSERT INTO removals (key, claim, over_at) SELECT value, 'x', datetime('now', '-1 second') FROM json_each(?1)";
    let keys: Vec<String> = bucket.objects.borrow().keys().cloned().collect();
    let removal = removal.replace("?1", &format!("'{}'", json!(keys)));
    database.connection.execute_batch(&removal).unwrap();
    bucket.objects.borrow_mut().clear();
    let before = database.calls.get();
    ready(store::upload::<Account>(&database, &bucket, &mut Update::new(&own, &account, TRACE), upload())).unwrap();
    assert_eq!(database.calls.get() - before, 3, "it checks the change, finds the key claimed, and applies the change");
    let persona = PersonaChange { upload: Some(picture.clone()), ..PersonaChange::default() };
    let me = access(5, None, ME);
    ready(store::upload::<Persona>(&database, &bucket, &mut Update::new(&me, &persona, TRACE), upload())).unwrap();
    let rows: Vec<Value> = feed(&database).iter().map(|row| row["fields"].clone()).collect();
    let account = json!(r#"["full_name","image"]"#);
    assert_eq!(rows, [account.clone(), account, json!(r#"["foto_url"]"#)]);
}

#[test]
fn a_refused_or_empty_change_adds_no_row() {
    let database = sqlite();
    let taken = AccountChange { email: some("alice@example.com"), ..AccountChange::default() };
    let no_role = AccountChange { role: Some(99), ..AccountChange::default() };
    for (access, change) in [
        (access(999, Some(7), SEAM), &named()),
        (access(43, None, None), &named()),
        (access(7, Some(42), SEAM), &named()),
        (access(1, Some(999), SEAM), &named()),
        (access(42, Some(7), None), &named()),
        (access(1, Some(7), SEAM), &no_role),
        (access(1, Some(7), SEAM), &taken),
    ] {
        assert!(update::<Account>(&database, &access, change).is_err(), "{access:?}");
    }
    update::<Account>(&database, &access(42, None, None), &AccountChange::default()).unwrap();
    update::<Persona>(&database, &access(5, None, ME), &PersonaChange::default()).unwrap();
    ready(store::load::<Account>(&database, &Update::new(&access(1, Some(7), SEAM), &named(), TRACE))).unwrap();
    assert_eq!(feed(&database), [Value::Null; 0]);
}

#[test]
fn setting_a_field_to_its_current_value_adds_a_row() {
    let database = sqlite();
    for _ in 0..2 {
        update::<Account>(&database, &access(1, Some(7), SEAM), &named()).unwrap();
    }
    assert_eq!(feed(&database).len(), 2);
}

#[test]
fn a_change_whose_row_cannot_be_inserted_is_not_applied() {
    for break_it in ["DROP TABLE changes", "CREATE UNIQUE INDEX surprise ON changes (route)"] {
        let database = sqlite();
        update::<Account>(&database, &access(42, None, None), &named()).unwrap();
        database.connection.execute_batch(break_it).unwrap();
        let access = access(1, Some(7), SEAM);
        let change = AccountChange { full_name: some("Other"), ..AccountChange::default() };
        let failed = ready(store::update::<Account>(&database, &Update::new(&access, &change, TRACE)));
        assert!(matches!(failed, Err(Failure::Fault(_))), "{failed:?}");
        let name = "SELECT full_name FROM users WHERE id = 7";
        let name: String = database.connection.query_row(name, [], |row| row.get(0)).unwrap();
        assert_eq!(name, "Jane Smith");
    }
}

#[test]
fn the_insert_writes_one_row_and_no_index_entry() {
    let database = sqlite();
    for sql in [Account::APPEND_CHANGE, Persona::APPEND_CHANGE] {
        let mut program = database.connection.prepare(&format!("EXPLAIN {sql}")).unwrap();
        let steps = program.query_map(["{}", "{}"], |row| row.get::<_, String>("opcode")).unwrap();
        let writes: Vec<String> = steps
            .map(Result::unwrap)
            .filter(|step| ["Insert", "IdxInsert", "Delete", "IdxDelete"].contains(&step.as_str()))
            .collect();
        assert_eq!(writes, ["Insert"], "{sql}");
    }
}

/// Adds `count` rows, one minute apart. The newest one is `newest` days old.
fn fill(database: &Sqlite, count: u32, newest: u32) {
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
        INSERT INTO changes (at, request_id, route, actor_id, account_id, fields)
        SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now', -?2 || ' days', (i - ?1) || ' minutes'), 'r', 'PUT /', 1, 1, '[]'
        FROM n";
    database.connection.execute(sql, [count, newest]).unwrap();
}

fn numbers(database: &Sqlite) -> (i64, i64, i64) {
    let sql = "SELECT count(*), min(id), max(id) FROM changes";
    database.connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap()
}

fn expire(database: &Sqlite, days: u32) -> RetentionResult {
    let mut expired = RetentionResult::default();
    ready(store::expire(database, days, &[], &mut expired)).unwrap();
    expired
}

#[test]
fn retention_removes_only_rows_that_are_too_old() {
    let database = sqlite();
    let all_of = |removed| RetentionResult { removed, undelivered: 0, complete: true };
    fill(&database, 25_000, 91);
    fill(&database, 1_000, 89);
    assert_eq!(expire(&database, 200), all_of(0));
    let before = database.calls.get();
    assert_eq!(expire(&database, 90), all_of(25_000));
    assert_eq!(database.calls.get() - before, 3, "10,000 rows per call");
    assert_eq!(numbers(&database), (1_000, 25_001, 26_000));
    assert_eq!(expire(&database, 90), all_of(0));
}

#[test]
fn retention_keeps_the_newest_row_so_that_no_id_is_reused() {
    let database = sqlite();
    fill(&database, 5, 400);
    assert_eq!(expire(&database, 90), RetentionResult { removed: 4, undelivered: 0, complete: true });
    assert_eq!(numbers(&database), (1, 5, 5));
    assert_eq!(expire(&database, 90), RetentionResult { removed: 0, undelivered: 0, complete: true });
    update::<Account>(&database, &access(42, None, None), &named()).unwrap();
    assert_eq!(feed(&database)[1]["id"], 6);
    assert_eq!(expire(&database, 90), RetentionResult { removed: 1, undelivered: 0, complete: true });
    assert_eq!(numbers(&database), (1, 6, 6));
}

#[test]
fn a_run_of_retention_is_bounded_and_the_next_one_continues() {
    let database = sqlite();
    fill(&database, 1_000_001, 91);
    assert_eq!(expire(&database, 90), RetentionResult { removed: 1_000_000, undelivered: 0, complete: false });
    fill(&database, 1, 91);
    assert_eq!(expire(&database, 90), RetentionResult { removed: 1, undelivered: 0, complete: true });
}

#[test]
fn the_documented_statement_shows_the_changes_of_an_account_and_its_persona() {
    let database = sqlite();
    update::<Account>(&database, &access(1, Some(7), SEAM), &named()).unwrap();
    update::<Account>(&database, &access(42, None, None), &named()).unwrap();
    let change = PersonaChange { nombres: some("Alicia"), ..PersonaChange::default() };
    update::<Persona>(&database, &access(5, Some(8), ME), &change).unwrap();
    database.connection.execute_batch("UPDATE personas SET user_id = 42 WHERE id = 8").unwrap();
    let guide = read(&project("docs/operations.md"));
    let statement = guide.split("```sql\n").find(|block| block.contains("FROM changes")).unwrap();
    let mut statement = database.connection.prepare(statement.split("```").next().unwrap()).unwrap();
    let ids = statement.query_map([], |row| row.get::<_, i64>("id")).unwrap();
    assert_eq!(ids.map(Result::unwrap).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn the_history_of_a_removed_account_is_kept() {
    let database = sqlite();
    update::<Account>(&database, &access(42, None, None), &named()).unwrap();
    update::<Account>(&database, &access(1, Some(7), SEAM), &named()).unwrap();
    database.connection.execute_batch("DELETE FROM users WHERE id IN (1, 7, 42)").unwrap();
    assert_eq!(feed(&database).len(), 2);
}

#[test]
fn an_id_in_the_path_is_the_back_ends_not_the_accounts_own() {
    let database = numbered();
    database
        .connection
        .execute_batch("INSERT INTO identities (back_end, id, account_id) VALUES ('django', 7, 1)")
        .unwrap();
    let access = Access {
        actor: as_of(BackEnd::Django, 7),
        target: Target::Named(perfil::domain::PathId::parse("7").unwrap()),
        back_end: Some(BackEnd::Django),
        permission: None,
    };
    ready(store::update::<Account>(&database, &Update::new(&access, &named(), TRACE))).unwrap();
    let row = feed(&database).remove(0);
    assert_eq!((&row["actor_id"], &row["account_id"]), (&json!(1), &json!(1)));
}
