use super::statement::{guard, replaceable};
use super::{NewObject, Parameter, Statement, Stored, Update, read_row};
use crate::domain::{Account, AccountChange, Change, Fault, PasswordHash, Role};
use serde::Deserialize;

/// The id of the account that is to be changed: the one named, or the caller's own.
macro_rules! target {
    () => {
        "coalesce(?2, ?1)"
    };
}

/// Whether the caller may change it: with the permission where one is asked for, else only the own account.
#[rustfmt::skip]
macro_rules! permitted { () => { concat!(
"CASE WHEN ?3 IS NULL THEN ", target!(), " = ?1 AND ", is_active!(), " ELSE ", holds_permission!(), " END"
) } }

/// The account as JSON. Times come out in one form, whatever form an operator or an importer wrote them in.
/// The password hash is not in it (contract F6, S5). D1 takes 32 arguments at most.
#[rustfmt::skip]
macro_rules! record { () => {
"json_object(
  'id', id, 'username', username, 'email', email, 'full_name', full_name, 'first_name', first_name,
  'last_name', last_name, 'number_phone', number_phone, 'image', image,
  'role', json((
    SELECT json_object('id', id, 'name', name, 'description', description) FROM roles WHERE id = users.role_id)),
  'is_active', is_active, 'is_staff', is_staff, 'is_superuser', is_superuser,
  'created_at', strftime('%Y-%m-%dT%H:%M:%fZ', created_at),
  'updated_at', strftime('%Y-%m-%dT%H:%M:%fZ', updated_at),
  'last_login', strftime('%Y-%m-%dT%H:%M:%fZ', last_login)) AS row"
} }

/// The statement that changes accounts, opened by `UPDATE OR IGNORE` or `UPDATE`, in two widths: with or without what
/// stands in an index or points elsewhere. SQLite writes the index of every column that is set, changed or not: for a
/// new name alone that would be three pages instead of one, and four rows on D1's bill.
#[rustfmt::skip]
macro_rules! update { ($verb:literal, { $($set:tt)* }, { $($unless:tt)* }) => { concat!(
"-- update_account()
", $verb, " users SET
  full_name = coalesce(?5, full_name), first_name = coalesce(?6, first_name), last_name = coalesce(?7, last_name),
  number_phone = CASE WHEN ?8 THEN ?9 ELSE number_phone END,", $($set)*, "
  updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
WHERE id = ", target!(), " AND ", permitted!(), $($unless)*, "
RETURNING ", record!()
) } }

const NARROW: &str = update!("UPDATE OR IGNORE", { "" }, { "" });
/// How many parameters it has.
const NARROW_PARAMETERS: usize = 9;

#[rustfmt::skip]
macro_rules! wide { ($verb:literal) => { update!($verb, { "
  username = coalesce(?10, username), email = coalesce(?11, email),
  image = CASE WHEN ?12 THEN ?13 ELSE image END,
  image_as_sent = CASE
    WHEN ?16 IS NOT NULL THEN NULL
    WHEN ?12 AND ?13 IS NOT image THEN iif(instr(?13, 'avatars/'), ?13, NULL)
    ELSE image_as_sent END,
  role_id = coalesce(?14, role_id),
  password_hash = coalesce(?15, password_hash),
  legacy_password_hashes = CASE WHEN ?15 IS NULL THEN legacy_password_hashes END,
  tokens_valid_after = CASE WHEN ?15 IS NULL THEN tokens_valid_after ELSE unixepoch() END," }, { "
  AND (?14 IS NULL OR EXISTS (SELECT 1 FROM roles WHERE roles.id = ?14))
  AND NOT EXISTS (SELECT 1 FROM removals WHERE key = ?16)" }
) } }

#[rustfmt::skip]
const LOAD: &str = concat!(
"-- load_account()
SELECT ", record!(), "
FROM users WHERE id = ", target!(), " AND ", permitted!()
);

#[rustfmt::skip]
const EXPLAIN: &str = concat!(
"-- explain_account()
SELECT json_object(
  'active', ", is_active!(), ",
  'permitted', ", permitted!(), ",
  'found', EXISTS (SELECT 1 FROM users WHERE id = ", target!(), "),
  'role_found', ?5 IS NULL OR EXISTS (SELECT 1 FROM roles WHERE roles.id = ?5),
  'username_taken', EXISTS (SELECT 1 FROM users WHERE username = ?6 AND id <> ", target!(), "),
  'email_taken', EXISTS (SELECT 1 FROM users WHERE email = ?7 AND id <> ", target!(), "),
  ", removal!("?8"), ") AS row"
);

#[rustfmt::skip]
const CURRENT_OBJECT: &str = concat!(
"-- object_shown_by_account()
SELECT json_object('key', image_object) AS row FROM users WHERE id = ", target!()
);

impl Stored for Account {
    const LOAD: &'static str = LOAD;
    const CURRENT_OBJECT: &'static str = CURRENT_OBJECT;

    fn update(update: &Update<'_, Self>) -> Statement {
        let mut parameters = parameters(update);
        if !is_narrow(update) {
            return Statement { sql: wide!("UPDATE OR IGNORE"), parameters };
        }
        parameters.truncate(NARROW_PARAMETERS);
        Statement { sql: NARROW, parameters }
    }

    fn insist(update: &Update<'_, Self>) -> Statement {
        Statement { sql: wide!("UPDATE"), parameters: parameters(update) }
    }

    fn explain(update: &Update<'_, Self>) -> Statement {
        let mut parameters = guard(update.access).to_vec();
        let AccountChange { username, email, role, .. } = update.change;
        parameters.push((*role).into());
        parameters.extend([username, email].map(|text| Parameter::from(text.as_ref())));
        parameters.push(update.key());
        Statement { sql: EXPLAIN, parameters }
    }

    fn from_row(row: &str) -> Result<Self, Fault> {
        read_row::<AccountRow>(row).map(Self::from)
    }
}

fn is_narrow(update: &Update<'_, Account>) -> bool {
    let AccountChange { username: None, email: None, role: None, .. } = update.change else { return false };
    !update.change.replaces_image() && update.hash.is_none() && update.object.is_none()
}

fn parameters(update: &Update<'_, Account>) -> Vec<Parameter> {
    let change = update.change;
    let mut parameters = Vec::with_capacity(16);
    parameters.extend(guard(update.access));
    let names = [&change.full_name, &change.first_name, &change.last_name];
    parameters.extend(names.map(|text| Parameter::from(text.as_ref())));
    parameters.extend(replaceable(&change.number_phone));
    parameters.extend([&change.username, &change.email].map(|text| Parameter::from(text.as_ref())));
    parameters.extend(match &update.object {
        Some(NewObject { key, .. }) => [1.into(), key.as_str().into()],
        None => replaceable(&change.image),
    });
    parameters.push(change.role.into());
    parameters.push(update.hash.as_ref().map(PasswordHash::reveal).into());
    parameters.push(update.key());
    parameters
}

#[derive(Deserialize)]
struct AccountRow {
    id: i64,
    username: String,
    email: String,
    full_name: String,
    first_name: String,
    last_name: String,
    number_phone: Option<String>,
    image: Option<String>,
    role: Option<RoleRow>,
    is_active: u8,
    is_staff: u8,
    is_superuser: u8,
    created_at: String,
    updated_at: String,
    last_login: Option<String>,
}

#[derive(Deserialize)]
struct RoleRow {
    id: i64,
    name: String,
    description: Option<String>,
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        Self {
            id: row.id,
            username: row.username,
            email: row.email,
            full_name: row.full_name,
            first_name: row.first_name,
            last_name: row.last_name,
            number_phone: row.number_phone,
            image: row.image,
            role: row.role.map(|RoleRow { id, name, description }| Role { id, name, description }),
            is_active: row.is_active != 0,
            is_staff: row.is_staff != 0,
            is_superuser: row.is_superuser != 0,
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_login: row.last_login,
        }
    }
}
