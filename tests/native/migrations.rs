//! The effect of migrations on a database that is already in use.

use super::database::{Sqlite, run};
use super::statements::{SEAM, TRACE, access, some, update};
use super::{files, project, read};
use perfil::domain::{Account, AccountChange, Actor, BackEnd, Id, Refusal, Subject};
use rusqlite::Connection;
use std::cell::Cell;
use std::path::PathBuf;

fn migrations() -> Vec<PathBuf> {
    files("migrations", ".sql")
}

fn apply(connection: &Connection, migrations: &[PathBuf]) {
    for migration in migrations {
        connection.execute_batch(&read(migration)).unwrap_or_else(|error| panic!("{}: {error}", migration.display()));
    }
}

/// Returns every row of a table, column by column.
fn rows(connection: &Connection, table: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let count = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        (0..count).map(|at| row.get_ref(at).map(|value| format!("{value:?}"))).collect::<Result<Vec<_>, _>>()
    };
    let mut rows: Vec<String> =
        statement.query_map([], |one| row(one)).unwrap().map(|row| row.unwrap().join(" ")).collect();
    rows.sort();
    rows
}

/// A database from before accounts had identities. It contains seam's 6 and 7, falcon's 8, and django's 6 (the same
/// person as seam's 6). Account 9 is of unknown origin: seam's 9 was removed, and another account has this ID now.
/// Account 10 is of unknown origin as well.
fn before_identities() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    apply(&connection, &migrations()[..5]);
    connection
        .execute_batch(
            "INSERT INTO users (id, username, email, role_id, image, image_as_sent) VALUES
              (6, 'six', 'six@example.com', 1, 'avatars/6/a.png', NULL),
              (7, 'seven', 'seven@example.com', 2, NULL, NULL),
              (8, 'eight', 'eight@example.com', NULL, 'avatars/6/a.png', 'avatars/6/a.png'),
              (9, 'nine', 'nine@example.com', NULL, NULL, NULL), (10, 'ten', 'ten@example.com', NULL, NULL, NULL);
            INSERT INTO personas (id, user_id, nombres, apellidos, dni) VALUES (1, 6, 'Seis', 'Seis', '66666666');
            INSERT INTO removals (key, claim) VALUES ('avatars/7/b.png', 'c');
            UPDATE sweeps SET behind = 'avatars/5';
            INSERT INTO imports (source, kind, id, target, base, problem) VALUES
              ('seam', 'users', 6, NULL, '{\"email\":\"six@example.com\",\"role\":1}', NULL),
              ('seam', 'users', 7, NULL, '{\"email\":\"old@example.com\",\"role\":4}', 'a later run failed'),
              ('django', 'users', 6, NULL, '{\"email\":\"six@example.com\"}', NULL),
              ('falcon', 'users', 8, NULL, '{\"email\":\"eight@example.com\",\"role\":3}', NULL),
              ('seam', 'users', 9, NULL, '{}', NULL),
              ('seam', 'users', 11, NULL, NULL, 'it never landed'),
              ('seam', 'users', 12, NULL, '{\"email\":\"gone@example.com\"}', NULL),
              ('personas', 'personas', 10, NULL, '{}', NULL);",
        )
        .unwrap();
    connection
}

fn as_of(back_end: BackEnd, number: i64) -> Actor {
    Actor::verified(Subject::Identity(back_end, Id::new(number).unwrap()), None, None)
}

#[test]
fn every_imported_account_gets_the_id_of_its_back_end_and_nothing_else_changes() {
    let connection = before_identities();
    let tables = ["users", "personas", "removals", "sweeps", "imports"];
    let before = tables.map(|table| rows(&connection, table));
    apply(&connection, &migrations()[5..6]);
    assert_eq!(tables.map(|table| rows(&connection, table)), before);
    let identities = "SELECT group_concat(back_end || id || '=' || account_id || ':' || coalesce(role_id, '-'), ' ')
        FROM (SELECT * FROM identities ORDER BY back_end, id)";
    let identities: String = connection.query_row(identities, [], |row| row.get(0)).unwrap();
    assert_eq!(identities, "django6=6:- falcon8=8:3 seam6=6:- seam7=7:-");
}

#[test]
fn an_account_of_unknown_origin_has_no_identity_until_the_guides_statement_adds_one() {
    let database = Sqlite { connection: before_identities(), calls: Cell::new(0) };
    apply(&database.connection, &migrations()[5..]);
    let change = AccountChange { full_name: some("Diez"), ..AccountChange::default() };
    let put = |caller: Actor, target| {
        let mut access = access(6, Some(target), SEAM);
        access.actor = caller;
        update::<Account>(&database, &access, &change).map(|account| (account.id, account.username))
    };
    let admin = as_of(BackEnd::Seam, 6);
    assert_eq!(put(admin, 7), Ok((7, "seven".to_owned())));
    assert_eq!(
        put(as_of(BackEnd::Django, 6), 7),
        Ok((7, "seven".to_owned())),
        "the same person with another back end's ID"
    );
    assert_eq!(put(admin, 8), Err(Refusal::NotFound { id: "8".to_owned() }), "falcon's ID is not seam's");
    assert_eq!(put(admin, 10), Err(Refusal::NotFound { id: "10".to_owned() }));
    assert_eq!(put(as_of(BackEnd::Seam, 10), 7), Err(Refusal::AccountGone));

    let guide = read(&project("docs/moving-over.md"));
    let statement = guide.split("```sql\n").find_map(|block| block.strip_prefix("INSERT INTO identities")).unwrap();
    let statement = format!("INSERT INTO identities{}", statement.split("```").next().unwrap());
    database.connection.execute_batch(&statement).unwrap();
    assert_eq!(put(admin, 10), Ok((10, "ten".to_owned())));
    assert_eq!(
        put(admin, 8),
        Err(Refusal::NotFound { id: "8".to_owned() }),
        "an account that has an ID gets no second one"
    );
}

#[test]
fn removing_an_account_removes_its_identities_and_its_id_is_never_reused() {
    let connection = before_identities();
    apply(&connection, &migrations()[5..]);
    connection.execute_batch("DELETE FROM users WHERE id IN (6, 10)").unwrap();
    let count: i64 = connection.query_row("SELECT count(*) FROM identities", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 2);
    let forgotten = "SELECT count(*) FROM imports WHERE id = 6 AND base = '{}'";
    assert_eq!(connection.query_row::<i64, _, _>(forgotten, [], |row| row.get(0)).unwrap(), 2);
    for id in ["6", "NULL"] {
        let insert = format!("INSERT INTO users (id, username, email) VALUES ({id}, 'new', 'new@example.com')");
        let error = connection.execute_batch(&insert).unwrap_err().to_string();
        assert_eq!(error, "users.id: a removed account had this id, and ids are never reused", "{id}");
    }
    let moved = connection.execute_batch("UPDATE users SET id = 60 WHERE id = 7").unwrap_err();
    assert_eq!(moved.to_string(), "users.id: an account keeps its id");
    connection.execute_batch("UPDATE users SET id = 7, full_name = 'Siete' WHERE id = 7").unwrap();
    let guide = read(&project("docs/operations.md"));
    let statement = guide.split("```sql\n").find(|block| block.starts_with("INSERT INTO users")).unwrap();
    connection.execute_batch(statement.split("```").next().unwrap()).unwrap();
    let newest: i64 = connection.query_row("SELECT max(id) FROM users", [], |row| row.get(0)).unwrap();
    assert_eq!(newest, 11);
}

#[test]
fn an_account_has_one_id_per_back_end_and_an_id_has_one_account() {
    let connection = before_identities();
    apply(&connection, &migrations()[5..]);
    for (values, message) in [
        ("('seam', 6, 8)", "UNIQUE constraint failed: identities.back_end, identities.id"),
        ("('seam', 60, 6)", "UNIQUE constraint failed: identities.account_id, identities.back_end"),
        ("('seam', 60, 99)", "FOREIGN KEY constraint failed"),
        ("('seam', 0, 8)", "CHECK constraint failed: id BETWEEN 1 AND 9007199254740991"),
        ("('Seam', 60, 8)", "CHECK constraint failed: back_end IN ('seam', 'falcon', 'django')"),
    ] {
        let insert = format!("INSERT INTO identities (back_end, id, account_id) VALUES {values}");
        assert_eq!(
            connection.execute_batch(&insert).unwrap_err().to_string().split(" in INSERT").next(),
            Some(message)
        );
    }
}

#[test]
fn statements_run_on_a_migrated_database() {
    let connection = before_identities();
    apply(&connection, &migrations()[5..]);
    let access = access(6, Some(7), SEAM);
    let change = AccountChange { email: some("new@example.com"), ..AccountChange::default() };
    let statement = perfil::store::Stored::update(&perfil::store::Update::<Account>::new(&access, &change, TRACE));
    assert_eq!(run(&connection, &statement).unwrap(), [r#"{"id":7}"#]);
}
