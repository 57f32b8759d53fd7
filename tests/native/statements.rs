//! SQL statements, run with the real migrations and the demo accounts in SQLite, on which D1 is built.

use super::database::{Sqlite, run, sqlite};
use super::{actor, files, read, ready};
use perfil::domain::{
    Access, Account, AccountChange, BackEnd, Failure, Fault, Field, PasswordHash, PathId, Persona, PersonaChange,
    Refusal, Target, Text, Unique, text,
};
use perfil::store::{self, Statement, Stored, Trace, Update};
use proptest::prelude::*;
use std::cell::Cell;

pub const SEAM: Option<&str> = Some("PUT /api/v1/users/:id");
const ME: Option<&str> = Some("PUT /api/personas/me");

/// The request of every update in these tests.
pub const TRACE: Trace<'static> = Trace { request_id: "test", route: "PUT /test" };

/// Runs an update. It must take exactly one call, and must not fail with a fault.
pub fn update<R: Stored>(database: &Sqlite, access: &Access, change: &R::Change) -> Result<R, Refusal> {
    let before = database.calls.get();
    let updated = ready(store::update(database, &Update::new(access, change, TRACE)));
    assert_eq!(database.calls.get(), before + 1);
    updated.map(|updated| updated.record).map_err(|failure| match failure {
        Failure::Refused(refusal) => refusal,
        Failure::Fault(fault) => panic!("{fault}"),
    })
}

pub fn access(caller: i64, target: Option<i64>, permission: Option<&'static str>) -> Access {
    let target = target.map_or(Target::Own, |id| Target::Named(PathId::parse(&id.to_string()).unwrap()));
    // The endpoints' own back ends: seam's, falcon's, which has no ID in its path, and django's.
    let back_end = match (permission, &target) {
        (SEAM, _) => Some(BackEnd::Seam),
        (None, Target::Own) => Some(BackEnd::Falcon),
        (None, Target::Named(_)) => Some(BackEnd::Django),
        (Some(_), _) => None,
    };
    Access { actor: actor(caller), target, back_end, permission }
}

pub fn some(text: &str) -> Option<Text> {
    Some(text::line(text, 1, 255).unwrap())
}

fn dump(database: &Sqlite) -> Vec<String> {
    let select = "SELECT quote(id) || quote(username) || quote(email) || quote(full_name) || quote(image) \
         || quote(updated_at) || quote(password_hash) || quote(role_id) FROM users \
         UNION ALL SELECT quote(id) || quote(nombres) || quote(dni) || quote(telefono) || quote(foto_url) \
         FROM personas";
    let mut statement = database.connection.prepare(select).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn an_update_changes_only_the_requested_fields() {
    let database = sqlite();
    let change = AccountChange {
        full_name: some("Alicia"),
        image: Field::Set(text::line("a.jpg", 1, 9).unwrap()),
        ..AccountChange::default()
    };
    let account: Account = update(&database, &access(42, None, None), &change).unwrap();
    assert_eq!((account.full_name.as_str(), account.image.as_deref()), ("Alicia", Some("a.jpg")));
    assert_eq!((account.username.as_str(), account.email.as_str()), ("alice_wonder", "alice@example.com"));
    assert_eq!(account.role.unwrap().name, "editor");
    assert_eq!(account.created_at, "2024-02-01T08:15:30.000Z");
    assert_ne!(account.updated_at, "2024-02-01T08:15:30.000Z");
    let cleared = AccountChange { image: Field::Clear, ..AccountChange::default() };
    let account: Account = update(&database, &access(42, None, None), &cleared).unwrap();
    assert_eq!((account.image, account.full_name.as_str()), (None, "Alicia"));
}

#[test]
fn the_password_hash_is_stored_but_not_returned() {
    let database = sqlite();
    let hash = Some(PasswordHash::new("$2b$12$abc".to_owned()));
    let (access, nothing) = (access(1, Some(7), SEAM), AccountChange::default());
    let statement = Account::update(&Update { hash, ..Update::new(&access, &nothing, TRACE) });
    let rows = run(&database.connection, &statement).unwrap();
    assert!(rows.len() == 1 && !rows[0].contains("$2b$"), "{rows:?}");
    let stored: String =
        database.connection.query_row("SELECT password_hash FROM users WHERE id = 7", [], |row| row.get(0)).unwrap();
    assert_eq!(stored, "$2b$12$abc");
}

#[test]
fn only_a_new_password_clears_the_imported_hashes() {
    let database = sqlite();
    let legacy = || -> Option<String> {
        let select = "SELECT legacy_password_hashes FROM users WHERE id = 7";
        database.connection.query_row(select, [], |row| row.get(0)).unwrap()
    };
    database.connection.execute_batch("UPDATE users SET legacy_password_hashes = '{\"django\":\"x\"}'").unwrap();
    let change = AccountChange { full_name: some("Jane"), ..AccountChange::default() };
    update::<Account>(&database, &access(1, Some(7), SEAM), &change).unwrap();
    assert_eq!(legacy().as_deref(), Some(r#"{"django":"x"}"#));
    let hash = Some(PasswordHash::new("$2b$12$abc".to_owned()));
    let access = access(1, Some(7), SEAM);
    run(&database.connection, &Account::update(&Update { hash, ..Update::new(&access, &change, TRACE) })).unwrap();
    assert_eq!(legacy(), None);
}

#[test]
fn a_refused_update_returns_the_first_reason_in_the_contracts_order_and_changes_nothing() {
    let database = sqlite();
    let before = dump(&database);
    let change = AccountChange { email: some("new@example.com"), ..AccountChange::default() };
    let taken =
        AccountChange { username: some("JANE_SMITH"), email: some("ALICE@EXAMPLE.COM"), ..AccountChange::default() };
    let no_role = AccountChange { role: Some(99), ..AccountChange::default() };
    let missing = |id: &str| Refusal::NotFound { id: id.to_owned() };
    for (access, change, refusal) in [
        (access(999, Some(7), SEAM), &change, Refusal::AccountGone),
        (access(43, Some(999), SEAM), &change, Refusal::AccountInactive),
        (access(43, None, None), &change, Refusal::AccountInactive),
        (access(7, Some(999), SEAM), &taken, Refusal::Forbidden),
        (access(5, Some(7), SEAM), &change, Refusal::Forbidden),
        (access(1, Some(999), SEAM), &change, missing("999")),
        (access(1, Some(0), SEAM), &change, missing("0")),
        (access(42, Some(7), None), &change, Refusal::Forbidden),
        (access(42, Some(999), None), &change, missing("999")),
        (access(1, Some(7), SEAM), &no_role, Refusal::NoSuchRole),
        (access(1, None, None), &taken, Refusal::Taken(vec![Unique::Username, Unique::Email])),
    ] {
        assert_eq!(update::<Account>(&database, &access, change), Err(refusal), "{access:?}");
    }
    assert_eq!(dump(&database), before);
}

#[test]
fn an_accounts_own_value_is_not_taken_in_any_letter_case() {
    let database = sqlite();
    let change =
        AccountChange { username: some("ALICE_wonder"), email: some("Alice@Example.com"), ..AccountChange::default() };
    let account: Account = update(&database, &access(42, None, None), &change).unwrap();
    assert_eq!((account.username.as_str(), account.email.as_str()), ("ALICE_wonder", "Alice@Example.com"));
}

#[test]
fn a_caller_who_removes_their_own_permission_still_gets_the_reply() {
    let database = sqlite();
    let change = AccountChange { role: Some(2), ..AccountChange::default() };
    let account: Account = update(&database, &access(1, Some(1), SEAM), &change).unwrap();
    assert_eq!(account.role.unwrap().name, "editor");
    assert_eq!(update::<Account>(&database, &access(1, Some(1), SEAM), &change), Err(Refusal::Forbidden));
}

#[test]
fn permissions_are_compared_case_insensitively() {
    let database = sqlite();
    database.connection.execute_batch("UPDATE permissions SET nameUri = 'put /API/v1/Users/:ID' WHERE id = 1").unwrap();
    let change = AccountChange { full_name: some("Otro"), ..AccountChange::default() };
    assert!(update::<Account>(&database, &access(1, Some(7), SEAM), &change).is_ok());
}

#[test]
fn a_persona_is_found_by_its_owner_or_by_its_id() {
    let database = sqlite();
    let change = PersonaChange { nombres: some("Marta"), telefono: Field::Clear, ..PersonaChange::default() };
    let own: Persona = update(&database, &access(5, None, ME), &change).unwrap();
    assert_eq!((own.id, own.nombres.as_str(), own.telefono), (5, "Marta", None));
    let named: Persona = update(&database, &access(5, Some(8), ME), &change).unwrap();
    assert_eq!((named.id, named.apellidos.as_str()), (8, "Rojas"));
    let taken = PersonaChange { dni: some("87654321"), ..PersonaChange::default() };
    for (access, change, refusal) in [
        (access(1, None, ME), &change, Refusal::NotFound { id: String::new() }),
        (access(7, None, ME), &change, Refusal::Forbidden),
        (access(43, None, ME), &change, Refusal::AccountInactive),
        (access(5, Some(99), ME), &change, Refusal::NotFound { id: "99".to_owned() }),
        (access(5, None, ME), &taken, Refusal::Taken(vec![Unique::Dni])),
    ] {
        assert_eq!(update::<Persona>(&database, &access, change), Err(refusal), "{access:?}");
    }
}

#[test]
fn loading_returns_only_records_that_an_update_could_change() {
    let database = sqlite();
    let nothing = AccountChange::default();
    let load = |access: &Access| {
        ready(store::load::<Account>(&database, &Update::new(access, &nothing, TRACE))).ok().map(|account| account.id)
    };
    assert_eq!(load(&access(1, Some(7), SEAM)), Some(7));
    assert_eq!(load(&access(42, None, None)), Some(42));
    for refused in
        [access(7, Some(42), SEAM), access(43, None, None), access(42, Some(7), None), access(1, Some(999), SEAM)]
    {
        assert_eq!(load(&refused), None, "{refused:?}");
    }
    let nothing = PersonaChange::default();
    let load = |access: &Access| {
        ready(store::load::<Persona>(&database, &Update::new(access, &nothing, TRACE))).ok().map(|persona| persona.id)
    };
    assert_eq!(load(&access(5, None, ME)), Some(5));
    assert_eq!(load(&access(7, None, ME)), None);
}

#[test]
fn loading_refuses_what_an_update_would_so_that_no_hash_is_wasted() {
    let database = sqlite();
    let taken = AccountChange { email: some("alice@example.com"), ..AccountChange::default() };
    let loaded = ready(store::load::<Account>(&database, &Update::new(&access(1, Some(7), SEAM), &taken, TRACE)));
    assert!(matches!(loaded, Err(Failure::Refused(Refusal::Taken(values))) if values == [Unique::Email]));
}

#[test]
fn an_empty_change_returns_the_record_and_keeps_its_update_time() {
    let database = sqlite();
    let before = dump(&database);
    let account: Account = update(&database, &access(42, None, None), &AccountChange::default()).unwrap();
    assert_eq!(account.updated_at, "2024-02-01T08:15:30.000Z");
    assert_eq!(dump(&database), before);
}

#[test]
fn violating_an_unexpected_constraint_is_a_fault_that_names_it() {
    let database = sqlite();
    database.connection.execute_batch("CREATE UNIQUE INDEX surprise ON users (full_name)").unwrap();
    let change = AccountChange { full_name: some("Jane Doe"), ..AccountChange::default() };
    let failed = ready(store::update::<Account>(&database, &Update::new(&access(42, None, None), &change, TRACE)));
    let Err(Failure::Fault(fault)) = failed else { panic!("{failed:?}") };
    assert!(fault.to_string().contains("UNIQUE constraint failed: users.full_name"), "{fault}");
}

/// Returns the columns of every table. A migration that adds only an index, a view or a row does not change them.
fn columns(connection: &rusqlite::Connection) -> Vec<String> {
    let sql = "SELECT t.name || '.' || c.name FROM sqlite_master t, pragma_table_xinfo(t.name) c \
         WHERE t.type = 'table' ORDER BY 1";
    let mut statement = connection.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

#[test]
fn a_schema_without_a_table_or_column_of_a_migration_is_unhealthy() {
    let full_schema = columns(&sqlite().connection);
    for count in 1..=files("migrations", ".sql").len() {
        let connection = rusqlite::Connection::open_in_memory().unwrap();
        for migration in &files("migrations", ".sql")[..count] {
            connection.execute_batch(&read(migration)).unwrap();
        }
        let is_complete = columns(&connection) == full_schema;
        let health = ready(store::ping(&Sqlite { connection, calls: Cell::new(0) }));
        assert_eq!(health.is_ok(), is_complete, "after {count} migrations");
        assert!(is_complete || matches!(health, Err(Fault::Schema(_))), "{health:?}");
    }
}

#[test]
fn the_fault_of_an_unexpected_row_does_not_quote_the_row() {
    let row = r#"{"id":5,"nombres":"Ana","apellidos":"Rojas","telefono":null,"dni":12345678,"foto_url":null,
        "created_at":""}"#;
    let fault = Persona::from_row(row).unwrap_err().to_string();
    assert!(fault.starts_with("unexpected row: ") && !fault.contains("12345678"), "{fault}");
}

#[test]
fn debug_output_does_not_contain_parameters() {
    let access = access(1, Some(7), SEAM);
    let change = AccountChange { email: some("a@b.co"), ..AccountChange::default() };
    let statement = Account::update(&Update::new(&access, &change, TRACE));
    assert!(statement.parameters.iter().flatten().any(|parameter| parameter.contains("a@b.co")));
    assert!(!format!("{statement:?}").contains("a@b.co"));
}

#[test]
fn times_are_returned_in_one_format_whatever_format_they_were_written_in() {
    let database = sqlite();
    for written in
        ["2024-02-01 08:15:30", "2024-02-01T08:15:30", "2024-02-01T10:15:30+02:00", "2024-02-01T08:15:30.000000Z"]
    {
        database
            .connection
            .execute("UPDATE users SET created_at = ?1, last_login = ?1 WHERE id = 42", [written])
            .unwrap();
        let account: Account = update(&database, &access(42, None, None), &AccountChange::default()).unwrap();
        assert_eq!(account.created_at, "2024-02-01T08:15:30.000Z", "{written}");
        assert_eq!(account.last_login.as_deref(), Some("2024-02-01T08:15:30.000Z"), "{written}");
    }
    assert!(database.connection.execute("UPDATE users SET created_at = 'yesterday' WHERE id = 42", []).is_err());
}

const STATEMENTS: [&str; 6] = [
    Account::UPDATE,
    Account::UPDATE_UNINDEXED,
    Account::READ,
    Persona::UPDATE,
    Persona::UPDATE_UNINDEXED,
    Persona::READ,
];

/// The statements that follow an `UPDATE` in its batch. They look up the caller without its rights.
const APPENDS: [&str; 2] = [Account::APPEND_CHANGE, Persona::APPEND_CHANGE];

/// The statements for delivering the change feed.
const DELIVERY: [&str; 4] = [store::TAKE_LEASE, store::ADVANCE, store::POSTPONE, store::READ_CHANGES];

/// Returns SQLite's query plan for a statement, one step per line.
pub fn plan(database: &Sqlite, sql: &str) -> String {
    let mut plan = database.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let parameters = vec!["{}"; plan.parameter_count()];
    let steps = plan.query_map(rusqlite::params_from_iter(parameters), |row| row.get::<_, String>("detail")).unwrap();
    steps.map(Result::unwrap).collect::<Vec<_>>().join("\n")
}

/// The snapshots show a reviewer the effect of a change on each statement and its plan. `INSTA_UPDATE=always cargo
/// test` rewrites them.
#[test]
fn statements_and_their_plans_match_the_reviewed_snapshots() {
    let database = sqlite();
    for sql in STATEMENTS.into_iter().chain(APPENDS).chain(DELIVERY) {
        let name = sql.strip_prefix("-- ").and_then(|text| text.split_once("()\n")).unwrap().0;
        insta::assert_snapshot!(name, format!("{sql}\n\n-- The plan\n{}", plan(&database, sql)));
    }
}

#[test]
fn statements_look_up_records_by_key() {
    let database = sqlite();
    for sql in STATEMENTS.into_iter().chain(APPENDS) {
        for step in plan(&database, sql).lines() {
            // Scans of one row that a common table expression computes, and not of a stored table.
            let computed = ["SCAN CONSTANT ROW", "SCAN target", "SCAN actor"];
            let is_computed = computed.contains(&step) || step.contains("subquery");
            assert!(!step.starts_with("SCAN ") || is_computed, "{step}: {sql}");
        }
    }
}

#[test]
fn only_the_update_of_an_account_uses_password_hashes_and_it_does_not_return_them() {
    for sql in STATEMENTS.into_iter().chain(APPENDS).filter(|sql| *sql != Account::UPDATE) {
        assert!(!sql.contains("hash"), "{sql}");
    }
    assert!(Account::UPDATE.ends_with("\nRETURNING id"));
}

/// Returns the common table expression of this name, up to its closing bracket.
fn common_table<'a>(sql: &'a str, name: &str) -> Option<&'a str> {
    let start = sql.find(&format!("  {name} AS ("))?;
    let end = sql[start..].find("\n  )").unwrap();
    Some(&sql[start..start + end])
}

#[test]
fn every_statement_looks_up_the_caller_with_the_same_sql() {
    for sql in STATEMENTS {
        for table in ["subject", "caller"] {
            assert!(common_table(sql, table).is_some(), "{sql}");
            assert_eq!(common_table(sql, table), common_table(Account::READ, table), "{sql}");
        }
    }
    assert_eq!(common_table(Account::UPDATE, "target"), common_table(Account::UPDATE_UNINDEXED, "target"));
}

/// Counts the steps in SQLite's program for a statement that write to an index.
fn index_writes(database: &Sqlite, statement: &Statement) -> usize {
    let mut program = database.connection.prepare(&format!("EXPLAIN {}", statement.sql)).unwrap();
    let parameters = rusqlite::params_from_iter(&statement.parameters);
    let steps = program.query_map(parameters, |row| row.get::<_, String>("opcode")).unwrap();
    steps.map(Result::unwrap).filter(|step| ["IdxInsert", "IdxDelete"].contains(&step.as_str())).count()
}

#[test]
fn a_change_of_unindexed_fields_writes_no_index() {
    let database = sqlite();
    let (account, persona) = (access(1, Some(7), SEAM), access(5, None, ME));
    let named = AccountChange {
        full_name: some("Jo"),
        first_name: some("Jo"),
        last_name: some("Jo"),
        number_phone: Field::Clear,
        ..AccountChange::default()
    };
    let called = PersonaChange {
        nombres: some("Jo"),
        apellidos: some("Jo"),
        telefono: Field::Clear,
        ..PersonaChange::default()
    };
    assert_eq!(index_writes(&database, &Account::update(&Update::new(&account, &named, TRACE))), 0);
    assert_eq!(index_writes(&database, &Persona::update(&Update::new(&persona, &called, TRACE))), 0);
    let moved = AccountChange { email: some("jo@example.com"), ..named };
    assert_ne!(index_writes(&database, &Account::update(&Update::new(&account, &moved, TRACE))), 0);
}

/// Runs an update and returns the columns of the record that it has changed.
fn changed(database: &Sqlite, table: &str, id: i64, statement: &Statement) -> Vec<String> {
    let row = || {
        let mut select = database.connection.prepare(&format!("SELECT * FROM {table} WHERE id = {id}")).unwrap();
        let names: Vec<String> = select.column_names().map(str::to_owned).collect();
        let read =
            |row: &rusqlite::Row<'_>| (0..names.len()).map(|at| row.get::<_, rusqlite::types::Value>(at)).collect();
        let values: Vec<_> = select.query_row([], read).unwrap();
        names.into_iter().zip(values).collect::<Vec<_>>()
    };
    let before = row();
    assert_eq!(run(&database.connection, statement).unwrap().len(), 1);
    let after = row().into_iter().zip(before);
    after.filter(|(now, then)| now != then).map(|((name, _), _)| name).collect()
}

#[test]
fn every_field_is_written_by_the_statement_that_it_is_changed_with() {
    let text = some("new-value@example.com");
    let field = Field::Set(text::line("12345", 1, 9).unwrap());
    let nothing = AccountChange::default();
    for (column, change) in [
        ("username", AccountChange { username: text.clone(), ..nothing.clone() }),
        ("email", AccountChange { email: text.clone(), ..nothing.clone() }),
        ("full_name", AccountChange { full_name: text.clone(), ..nothing.clone() }),
        ("first_name", AccountChange { first_name: text.clone(), ..nothing.clone() }),
        ("last_name", AccountChange { last_name: text.clone(), ..nothing.clone() }),
        ("number_phone", AccountChange { number_phone: field.clone(), ..nothing.clone() }),
        ("image", AccountChange { image: field.clone(), ..nothing.clone() }),
        ("role_id", AccountChange { role: Some(3), ..nothing.clone() }),
    ] {
        for any_field in [false, true] {
            let mut statement = Account::update(&Update::new(&access(1, Some(7), SEAM), &change, TRACE));
            if any_field {
                statement.sql = Account::UPDATE;
            }
            let mut changed = changed(&sqlite(), "users", 7, &statement);
            changed.retain(|name| name != "image_as_sent");
            assert_eq!(changed, [column, "updated_at"]);
        }
    }
    let nothing = PersonaChange::default();
    let dni = some("99.887.766");
    for (column, change) in [
        ("nombres", PersonaChange { nombres: text.clone(), ..nothing.clone() }),
        ("apellidos", PersonaChange { apellidos: text.clone(), ..nothing.clone() }),
        ("telefono", PersonaChange { telefono: field.clone(), ..nothing.clone() }),
        ("dni", PersonaChange { dni, ..nothing.clone() }),
        ("foto_url", PersonaChange { foto_url: field, ..nothing.clone() }),
    ] {
        for any_field in [false, true] {
            let mut statement = Persona::update(&Update::new(&access(5, None, ME), &change, TRACE));
            if any_field {
                statement.sql = Persona::UPDATE;
            }
            let mut changed = changed(&sqlite(), "personas", 5, &statement);
            changed.retain(|name| name != "foto_as_sent");
            assert_eq!(changed, [column]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn applying_a_change_is_idempotent(
        name in "[a-zé👍]{1,30}",
        phone in prop::option::of("[0-9]{1,10}"),
    ) {
        let database = sqlite();
        let number_phone = phone.map_or(Field::Clear, |phone| Field::Set(text::line(&phone, 1, 10).unwrap()));
        let change = AccountChange { full_name: some(&name), number_phone, ..AccountChange::default() };
        let without_time = |account: Account| Account { updated_at: String::new(), ..account };
        let once = without_time(update(&database, &access(42, None, None), &change).unwrap());
        let again = without_time(update(&database, &access(42, None, None), &change).unwrap());
        prop_assert_eq!(once, again);
    }

    #[test]
    fn any_text_is_stored_and_returned_unchanged(raw in any::<String>()) {
        let Ok(name) = text::line(&raw, 1, 255) else { return Ok(()) };
        let database = sqlite();
        let change = AccountChange { full_name: Some(name.clone()), ..AccountChange::default() };
        let account: Account = update(&database, &access(42, None, None), &change).unwrap();
        prop_assert_eq!(account.full_name, name.as_str());
    }
}
