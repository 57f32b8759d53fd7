//! Every statement against the real migrations and the demo accounts, in the SQLite that D1 is made of.

use super::{actor, files, project, read};
use perfil::domain::{
    Access, Account, AccountChange, Field, PathId, Persona, PersonaChange, Refusal, Rule, Target, Text, Unique, text,
};
use perfil::store::{Parameter, Statement, Stored, Verdict};
use proptest::prelude::*;
use rusqlite::types::{ToSqlOutput, Value};
use rusqlite::{Connection, ToSql};

const SEAM: Option<&str> = Some("PUT /api/v1/users/:id");
const ME: Option<&str> = Some("PUT /api/personas/me");

struct Bound<'a>(&'a Parameter);

impl ToSql for Bound<'_> {
    /// As D1 binds: numbers as floats.
    #[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "53 bits at most")]
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Owned(match self.0 {
            Parameter::Null => Value::Null,
            Parameter::Integer(value) => Value::Real(*value as f64),
            Parameter::Text(text) => Value::Text(text.clone()),
        }))
    }
}

fn database() -> Connection {
    let database = Connection::open_in_memory().unwrap();
    database.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    for migration in files("migrations", ".sql") {
        database.execute_batch(&read(&migration)).unwrap();
    }
    database.execute_batch(&read(&project("tests/fixtures/demo.sql"))).unwrap();
    database
}

fn run(database: &Connection, statement: &Statement) -> Option<String> {
    let mut prepared = database.prepare(statement.sql).unwrap();
    assert_eq!(prepared.parameter_count(), statement.parameters.len(), "{}", statement.sql);
    let parameters: Vec<Bound<'_>> = statement.parameters.iter().map(Bound).collect();
    let mut rows = prepared.query(rusqlite::params_from_iter(parameters)).unwrap();
    rows.next().unwrap().map(|row| row.get("row").unwrap())
}

/// What the adapter does with D1, with SQLite.
fn update<R: Stored>(database: &Connection, access: &Access, change: &R::Change) -> Result<R, Refusal> {
    let updated = run(database, &R::update(access, change, None));
    let verdict = run(database, &R::explain(access, change)).unwrap();
    match updated {
        Some(row) => Ok(R::from_row(&row).unwrap()),
        None => Err(Verdict::from_row(&verdict).unwrap().refusal(access).expect("a reason")),
    }
}

fn access(caller: i64, target: Option<i64>, permission: Option<&'static str>) -> Access {
    let target = target.map_or(Target::Own, |id| Target::Named(PathId::parse(&id.to_string()).unwrap()));
    Access { actor: actor(caller), target, permission }
}

fn some(text: &str) -> Option<Text> {
    Some(text::line(text, 1, 255).unwrap())
}

fn dump(database: &Connection) -> Vec<String> {
    let select = "SELECT quote(id) || quote(username) || quote(email) || quote(full_name) || quote(image) || quote(updated_at) \
         || quote(password_hash) || quote(role_id) FROM users UNION ALL SELECT quote(id) || quote(nombres) || quote(dni) \
         || quote(telefono) || quote(foto_url) FROM personas";
    let mut statement = database.prepare(select).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn an_update_changes_what_was_asked_and_keeps_the_rest() {
    let database = database();
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
fn the_password_hash_is_stored_and_not_shown() {
    let database = database();
    let hash = perfil::domain::PasswordHash::new("$2b$12$abc".to_owned());
    let statement = Account::update(&access(1, Some(7), SEAM), &AccountChange::default(), Some(&hash));
    let row = run(&database, &statement).unwrap();
    assert!(!row.contains("$2b$"), "{row}");
    let stored: String =
        database.query_row("SELECT password_hash FROM users WHERE id = 7", [], |row| row.get(0)).unwrap();
    assert_eq!(stored, "$2b$12$abc");
}

#[test]
fn a_refused_update_says_why_in_the_contracts_order_and_changes_nothing() {
    let database = database();
    let before = dump(&database);
    let change = AccountChange { email: some("new@example.com"), ..AccountChange::default() };
    let taken =
        AccountChange { username: some("JANE_SMITH"), email: some("ALICE@EXAMPLE.COM"), ..AccountChange::default() };
    let no_role = AccountChange { role: Some(99), ..AccountChange::default() };
    let missing = |id: &str| Refusal::NotFound { id: id.to_owned() };
    for (access, change, refusal) in [
        (access(999, Some(7), SEAM), &change, Refusal::BadToken),
        (access(43, Some(999), SEAM), &change, Refusal::BadToken),
        (access(43, None, None), &change, Refusal::BadToken),
        (access(7, Some(999), SEAM), &taken, Refusal::Forbidden),
        (access(5, Some(7), SEAM), &change, Refusal::Forbidden),
        (access(1, Some(999), SEAM), &change, missing("999")),
        (access(1, Some(0), SEAM), &change, missing("0")),
        (access(42, Some(7), None), &change, Refusal::Forbidden),
        (access(42, Some(999), None), &change, missing("999")),
        (access(1, Some(7), SEAM), &no_role, Refusal::invalid("roleId", Rule::ExistingRole)),
        (access(1, None, None), &taken, Refusal::Taken(vec![Unique::Username, Unique::Email])),
    ] {
        assert_eq!(update::<Account>(&database, &access, change), Err(refusal), "{access:?}");
    }
    assert_eq!(dump(&database), before);
}

#[test]
fn ones_own_value_again_is_not_taken_in_whatever_case() {
    let database = database();
    let change =
        AccountChange { username: some("ALICE_wonder"), email: some("Alice@Example.com"), ..AccountChange::default() };
    let account: Account = update(&database, &access(42, None, None), &change).unwrap();
    assert_eq!((account.username.as_str(), account.email.as_str()), ("ALICE_wonder", "Alice@Example.com"));
}

#[test]
fn a_caller_who_takes_the_own_permission_away_still_gets_the_answer() {
    let database = database();
    let change = AccountChange { role: Some(2), ..AccountChange::default() };
    let account: Account = update(&database, &access(1, Some(1), SEAM), &change).unwrap();
    assert_eq!(account.role.unwrap().name, "editor");
    assert_eq!(update::<Account>(&database, &access(1, Some(1), SEAM), &change), Err(Refusal::Forbidden));
}

#[test]
fn permissions_are_compared_without_regard_to_case() {
    let database = database();
    database.execute_batch("UPDATE permissions SET nameUri = 'put /API/v1/Users/:ID' WHERE id = 1").unwrap();
    let change = AccountChange { full_name: some("Otro"), ..AccountChange::default() };
    assert!(update::<Account>(&database, &access(1, Some(7), SEAM), &change).is_ok());
}

#[test]
fn a_persona_is_found_by_its_owner_or_by_its_id() {
    let database = database();
    let change = PersonaChange { nombres: some("Marta"), telefono: Field::Clear, ..PersonaChange::default() };
    let own: Persona = update(&database, &access(5, None, ME), &change).unwrap();
    assert_eq!((own.id, own.nombres.as_str(), own.telefono), (5, "Marta", None));
    let named: Persona = update(&database, &access(5, Some(8), ME), &change).unwrap();
    assert_eq!((named.id, named.apellidos.as_str()), (8, "Rojas"));
    let taken = PersonaChange { dni: some("87654321"), ..PersonaChange::default() };
    for (access, change, refusal) in [
        (access(1, None, ME), &change, Refusal::NotFound { id: String::new() }),
        (access(7, None, ME), &change, Refusal::Forbidden),
        (access(43, None, ME), &change, Refusal::BadToken),
        (access(5, Some(99), ME), &change, Refusal::NotFound { id: "99".to_owned() }),
        (access(5, None, ME), &taken, Refusal::Taken(vec![Unique::Dni])),
    ] {
        assert_eq!(update::<Persona>(&database, &access, change), Err(refusal), "{access:?}");
    }
}

#[test]
fn loading_shows_what_an_update_could_change_and_nothing_else() {
    let database = database();
    let load = |access: &Access| run(&database, &Account::load(access)).map(|row| Account::from_row(&row).unwrap().id);
    assert_eq!(load(&access(1, Some(7), SEAM)), Some(7));
    assert_eq!(load(&access(42, None, None)), Some(42));
    for refused in
        [access(7, Some(42), SEAM), access(43, None, None), access(42, Some(7), None), access(1, Some(999), SEAM)]
    {
        assert_eq!(load(&refused), None, "{refused:?}");
    }
    let load = |access: &Access| run(&database, &Persona::load(access)).map(|row| Persona::from_row(&row).unwrap().id);
    assert_eq!(load(&access(5, None, ME)), Some(5));
    assert_eq!(load(&access(7, None, ME)), None);
}

#[test]
fn times_come_out_in_one_form_whatever_form_they_were_written_in() {
    let database = database();
    for written in
        ["2024-02-01 08:15:30", "2024-02-01T08:15:30", "2024-02-01T10:15:30+02:00", "2024-02-01T08:15:30.000000Z"]
    {
        database.execute("UPDATE users SET created_at = ?1, last_login = ?1 WHERE id = 42", [written]).unwrap();
        let row = run(&database, &Account::load(&access(42, None, None))).unwrap();
        let account = Account::from_row(&row).unwrap();
        assert_eq!(account.created_at, "2024-02-01T08:15:30.000Z", "{written}");
        assert_eq!(account.last_login.as_deref(), Some("2024-02-01T08:15:30.000Z"), "{written}");
    }
    assert!(database.execute("UPDATE users SET created_at = 'yesterday' WHERE id = 42", []).is_err());
}

#[test]
fn statements_name_themselves_and_look_records_up_by_key() {
    let database = database();
    let account = access(1, Some(7), SEAM);
    let persona = access(5, None, ME);
    for statement in [
        Account::update(&account, &AccountChange::default(), None),
        Statement { sql: Account::INSIST, ..Account::update(&account, &AccountChange::default(), None) },
        Account::load(&account),
        Account::explain(&account, &AccountChange::default()),
        Persona::update(&persona, &PersonaChange::default(), None),
        Statement { sql: Persona::INSIST, ..Persona::update(&persona, &PersonaChange::default(), None) },
        Persona::load(&persona),
        Persona::explain(&persona, &PersonaChange::default()),
    ] {
        assert!(statement.sql.starts_with("-- ") && statement.sql.contains("()\n"), "{}", statement.sql);
        let mut plan = database.prepare(&format!("EXPLAIN QUERY PLAN {}", statement.sql)).unwrap();
        let parameters: Vec<Bound<'_>> = statement.parameters.iter().map(Bound).collect();
        let steps =
            plan.query_map(rusqlite::params_from_iter(parameters), |row| row.get::<_, String>("detail")).unwrap();
        for step in steps.map(Result::unwrap) {
            let scans_a_table = step.starts_with("SCAN ") && step != "SCAN CONSTANT ROW";
            assert!(!scans_a_table, "{step}: {}", statement.sql);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_change_applied_twice_is_the_change_applied_once(name in "[a-zé👍]{1,30}", phone in prop::option::of("[0-9]{1,10}")) {
        let database = database();
        let number_phone = phone.map_or(Field::Clear, |phone| Field::Set(text::line(&phone, 1, 10).unwrap()));
        let change = AccountChange { full_name: some(&name), number_phone, ..AccountChange::default() };
        let without_time = |account: Account| Account { updated_at: String::new(), ..account };
        let once = without_time(update(&database, &access(42, None, None), &change).unwrap());
        let twice = without_time(update(&database, &access(42, None, None), &change).unwrap());
        prop_assert_eq!(once, twice);
    }

    #[test]
    fn any_text_is_stored_and_comes_back_as_it_was(raw in any::<String>()) {
        let Ok(name) = text::line(&raw, 1, 255) else { return Ok(()) };
        let database = database();
        let change = AccountChange { full_name: Some(name.clone()), ..AccountChange::default() };
        let account: Account = update(&database, &access(42, None, None), &change).unwrap();
        prop_assert_eq!(account.full_name, name.as_str());
    }
}
