//! The statements and rows of accounts.

use super::changes::APPEND_ACCOUNT_CHANGE;
use super::{Fields, NewObject, Stored, Update, read_row};
use crate::domain::{Account, AccountChange, Fault, PasswordHash, Role, Text};
use serde::Deserialize;

/// Sets any field. If another account has one of the unique values, nothing is changed, and [`READ`] reports all of the
/// values that are taken. `image_as_sent` remembers the text if a client names one of Perfil's pictures, and an upload
/// clears it (contract M5).
const UPDATE: &str = "-- update_account()
WITH
  subject AS (
    SELECT id, role_id, is_active, tokens_valid_after FROM users
    WHERE id = iif(?1 ->> 'issuer' IS NULL, ?1 ->> 'subject', (
        SELECT account_id FROM identities WHERE back_end = ?1 ->> 'issuer' AND id = ?1 ->> 'subject'))
  ),
  caller AS (
    SELECT id, role_id FROM subject
    WHERE is_active = 1
      AND (tokens_valid_after IS NULL OR tokens_valid_after <= ?1 ->> 'issued_at')
  ),
  target AS (
    SELECT account_id FROM identities
    WHERE back_end = ?1 ->> 'back_end' AND id = coalesce(?1 ->> 'id', (
      SELECT own.id FROM identities AS own
      WHERE own.back_end = ?1 ->> 'back_end' AND own.account_id = (SELECT id FROM caller)))
  )
UPDATE users SET
  username = coalesce(?2 ->> 'username', username),
  email = coalesce(?2 ->> 'email', email),
  full_name = coalesce(?2 ->> 'full_name', full_name),
  first_name = coalesce(?2 ->> 'first_name', first_name),
  last_name = coalesce(?2 ->> 'last_name', last_name),
  number_phone = iif(json_type(?2, '$.number_phone') IS NULL, number_phone, ?2 ->> 'number_phone'),
  image = iif(json_type(?2, '$.image') IS NULL, image, ?2 ->> 'image'),
  image_as_sent = CASE
    WHEN ?2 ->> 'object' IS NOT NULL THEN NULL
    WHEN json_type(?2, '$.image') IS NULL OR ?2 ->> 'image' IS image THEN image_as_sent
    WHEN instr(?2 ->> 'image', 'avatars/') THEN ?2 ->> 'image'
  END,
  role_id = coalesce(?2 ->> 'role_id', role_id),
  password_hash = coalesce(?2 ->> 'password_hash', password_hash),
  legacy_password_hashes = iif(?2 ->> 'password_hash' IS NULL, legacy_password_hashes, NULL),
  tokens_valid_after = iif(?2 ->> 'password_hash' IS NULL, tokens_valid_after, unixepoch()),
  updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
WHERE id = (SELECT account_id FROM target)
  AND iif(?1 ->> 'permission' IS NULL, id = (SELECT id FROM caller), EXISTS (
    SELECT 1 FROM caller
    JOIN permissions ON permissions.nameUri = ?1 ->> 'permission'
    JOIN permissionXRole AS link ON link.roleId = caller.role_id AND link.permissionId = permissions.id))
  AND NOT EXISTS (SELECT 1 FROM users AS other WHERE other.username = ?2 ->> 'username' AND other.id <> users.id)
  AND NOT EXISTS (SELECT 1 FROM users AS other WHERE other.email = ?2 ->> 'email' AND other.id <> users.id)
  AND (?2 ->> 'role_id' IS NULL OR EXISTS (SELECT 1 FROM roles WHERE roles.id = ?2 ->> 'role_id'))
  AND NOT EXISTS (SELECT 1 FROM removals WHERE key = ?2 ->> 'object')
RETURNING id";

/// The fields that [`UPDATE_UNINDEXED`] sets.
const UNINDEXED: [&str; 4] = ["full_name", "first_name", "last_name", "number_phone"];

/// Sets fields that are not in any index. SQLite writes the index of every column that is set, even if the value stays
/// the same. For a new name alone, that would be three pages instead of one, and four rows on D1's bill.
const UPDATE_UNINDEXED: &str = "-- update_account_unindexed()
WITH
  subject AS (
    SELECT id, role_id, is_active, tokens_valid_after FROM users
    WHERE id = iif(?1 ->> 'issuer' IS NULL, ?1 ->> 'subject', (
        SELECT account_id FROM identities WHERE back_end = ?1 ->> 'issuer' AND id = ?1 ->> 'subject'))
  ),
  caller AS (
    SELECT id, role_id FROM subject
    WHERE is_active = 1
      AND (tokens_valid_after IS NULL OR tokens_valid_after <= ?1 ->> 'issued_at')
  ),
  target AS (
    SELECT account_id FROM identities
    WHERE back_end = ?1 ->> 'back_end' AND id = coalesce(?1 ->> 'id', (
      SELECT own.id FROM identities AS own
      WHERE own.back_end = ?1 ->> 'back_end' AND own.account_id = (SELECT id FROM caller)))
  )
UPDATE users SET
  full_name = coalesce(?2 ->> 'full_name', full_name),
  first_name = coalesce(?2 ->> 'first_name', first_name),
  last_name = coalesce(?2 ->> 'last_name', last_name),
  number_phone = iif(json_type(?2, '$.number_phone') IS NULL, number_phone, ?2 ->> 'number_phone'),
  updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
WHERE id = (SELECT account_id FROM target)
  AND iif(?1 ->> 'permission' IS NULL, id = (SELECT id FROM caller), EXISTS (
    SELECT 1 FROM caller
    JOIN permissions ON permissions.nameUri = ?1 ->> 'permission'
    JOIN permissionXRole AS link ON link.roleId = caller.role_id AND link.permissionId = permissions.id))
RETURNING id";

/// Returns the [`super::Verdict`] and the record. Times are in one format, whatever format an operator or an importer
/// wrote them in. Does not read the password hash (contract F6, S5).
const READ: &str = "-- read_account()
WITH
  subject AS (
    SELECT id, role_id, is_active, tokens_valid_after FROM users
    WHERE id = iif(?1 ->> 'issuer' IS NULL, ?1 ->> 'subject', (
        SELECT account_id FROM identities WHERE back_end = ?1 ->> 'issuer' AND id = ?1 ->> 'subject'))
  ),
  caller AS (
    SELECT id, role_id FROM subject
    WHERE is_active = 1
      AND (tokens_valid_after IS NULL OR tokens_valid_after <= ?1 ->> 'issued_at')
  ),
  target AS (
    SELECT account_id, id, role_id FROM identities
    WHERE back_end = ?1 ->> 'back_end' AND id = coalesce(?1 ->> 'id', (
      SELECT own.id FROM identities AS own
      WHERE own.back_end = ?1 ->> 'back_end' AND own.account_id = (SELECT id FROM caller)))
  )
SELECT
  caller.id AS caller,
  iif(caller.id IS NULL, (SELECT is_active FROM subject), 1) AS is_active_subject,
  (SELECT id FROM identities WHERE account_id = caller.id AND back_end = 'seam') AS caller_seam,
  (SELECT id FROM identities WHERE account_id = caller.id AND back_end = 'falcon') AS caller_falcon,
  (SELECT id FROM identities WHERE account_id = caller.id AND back_end = 'django') AS caller_django,
  iif(?1 ->> 'permission' IS NULL, target.account_id = caller.id, EXISTS (
    SELECT 1 FROM permissions
    JOIN permissionXRole AS link ON link.roleId = caller.role_id AND link.permissionId = permissions.id
    WHERE permissions.nameUri = ?1 ->> 'permission')) AS permitted,
  target.account_id IS NOT NULL AS found,
  ?2 ->> 'role_id' IS NULL OR EXISTS (SELECT 1 FROM roles WHERE roles.id = ?2 ->> 'role_id') AS role_found,
  EXISTS (
    SELECT 1 FROM users AS other
    WHERE other.username = ?2 ->> 'username' AND other.id <> target.account_id) AS username_taken,
  EXISTS (
    SELECT 1 FROM users AS other
    WHERE other.email = ?2 ->> 'email' AND other.id <> target.account_id) AS email_taken,
  removals.claim AS removal,
  removals.over_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
    OR removals.claimed_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-20 minutes') AS removal_over,
  target.id, target.role_id AS back_end_role,
  account.username, account.email, account.full_name, account.first_name, account.last_name, account.number_phone,
  account.image, account.image_object AS object,
  roles.id AS role_id, roles.name AS role_name, roles.description AS role_description,
  account.is_active, account.is_staff, account.is_superuser,
  strftime('%Y-%m-%dT%H:%M:%fZ', account.created_at) AS created_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', account.updated_at) AS updated_at,
  strftime('%Y-%m-%dT%H:%M:%fZ', account.last_login) AS last_login
FROM (SELECT 1)
LEFT JOIN caller ON true
LEFT JOIN target ON true
LEFT JOIN users AS account ON account.id = target.account_id
LEFT JOIN roles ON roles.id = account.role_id
LEFT JOIN removals ON removals.key = ?2 ->> 'object'";

impl Stored for Account {
    const UPDATE: &'static str = UPDATE;
    const UPDATE_UNINDEXED: &'static str = UPDATE_UNINDEXED;
    const UNINDEXED: &'static [&'static str] = &UNINDEXED;
    const APPEND_CHANGE: &'static str = APPEND_ACCOUNT_CHANGE;
    const READ: &'static str = READ;

    fn fields<'a>(update: &'a Update<'_, Self>) -> Fields<'a> {
        // Every field is named, so that a new one does not compile until it is handled here. An upload is passed as an
        // object, and a password as its hash.
        let AccountChange {
            username,
            email,
            full_name,
            first_name,
            last_name,
            number_phone,
            image,
            upload: _,
            role,
            password: _,
        } = update.change;
        let mut fields = Fields::default();
        fields.text("username", username.as_ref().map(Text::as_str));
        fields.text("email", email.as_ref().map(Text::as_str));
        fields.text("full_name", full_name.as_ref().map(Text::as_str));
        fields.text("first_name", first_name.as_ref().map(Text::as_str));
        fields.text("last_name", last_name.as_ref().map(Text::as_str));
        fields.clearable("number_phone", number_phone);
        fields.number("role_id", *role);
        fields.text("password_hash", update.hash.as_ref().map(PasswordHash::reveal));
        match &update.object {
            None => fields.clearable("image", image),
            Some(NewObject { key, .. }) => {
                fields.text("image", Some(key.as_str()));
                fields.text("object", Some(key.as_str()));
            }
        }
        fields
    }

    fn from_row(row: &str) -> Result<Self, Fault> {
        read_row::<AccountRow>(row).map(Self::from)
    }
}

#[derive(Deserialize)]
struct AccountRow {
    id: i64,
    back_end_role: Option<i64>,
    username: String,
    email: String,
    full_name: String,
    first_name: String,
    last_name: String,
    number_phone: Option<String>,
    image: Option<String>,
    role_id: Option<i64>,
    role_name: Option<String>,
    role_description: Option<String>,
    is_active: u8,
    is_staff: u8,
    is_superuser: u8,
    created_at: String,
    updated_at: String,
    last_login: Option<String>,
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        let role = row.role_id.zip(row.role_name);
        Self {
            id: row.id,
            back_end_role: row.back_end_role,
            username: row.username,
            email: row.email,
            full_name: row.full_name,
            first_name: row.first_name,
            last_name: row.last_name,
            number_phone: row.number_phone,
            image: row.image,
            role: role.map(|(id, name)| Role { id, name, description: row.role_description }),
            is_active: row.is_active != 0,
            is_staff: row.is_staff != 0,
            is_superuser: row.is_superuser != 0,
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_login: row.last_login,
        }
    }
}
