//! The statements and rows of personas.

use super::changes::APPEND_PERSONA_CHANGE;
use super::{Fields, NewObject, Stored, Update, read_row};
use crate::domain::{Fault, Persona, PersonaChange, Text};
use serde::Deserialize;

/// Sets any field, like the statement of accounts.
const UPDATE: &str = "-- update_persona()
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
    SELECT coalesce(?1 ->> 'id', (SELECT id FROM personas WHERE user_id = (SELECT id FROM caller))) AS id
  )
UPDATE personas SET
  nombres = coalesce(?2 ->> 'nombres', nombres),
  apellidos = coalesce(?2 ->> 'apellidos', apellidos),
  telefono = iif(json_type(?2, '$.telefono') IS NULL, telefono, ?2 ->> 'telefono'),
  dni = coalesce(?2 ->> 'dni', dni),
  foto_url = iif(json_type(?2, '$.foto_url') IS NULL, foto_url, ?2 ->> 'foto_url'),
  foto_as_sent = CASE
    WHEN ?2 ->> 'object' IS NOT NULL THEN NULL
    WHEN json_type(?2, '$.foto_url') IS NULL OR ?2 ->> 'foto_url' IS foto_url THEN foto_as_sent
    WHEN instr(?2 ->> 'foto_url', 'avatars/') THEN ?2 ->> 'foto_url'
  END
WHERE id = (SELECT id FROM target)
  AND EXISTS (
    SELECT 1 FROM caller
    JOIN permissions ON permissions.nameUri = ?1 ->> 'permission'
    JOIN permissionXRole AS link ON link.roleId = caller.role_id AND link.permissionId = permissions.id)
  AND NOT EXISTS (SELECT 1 FROM personas AS other WHERE other.dni = ?2 ->> 'dni' AND other.id <> personas.id)
  AND NOT EXISTS (SELECT 1 FROM removals WHERE key = ?2 ->> 'object')
RETURNING id";

/// The fields that [`UPDATE_UNINDEXED`] sets.
const UNINDEXED: [&str; 3] = ["nombres", "apellidos", "telefono"];

/// Sets fields that are not in any index, like the statement of accounts.
const UPDATE_UNINDEXED: &str = "-- update_persona_unindexed()
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
    SELECT coalesce(?1 ->> 'id', (SELECT id FROM personas WHERE user_id = (SELECT id FROM caller))) AS id
  )
UPDATE personas SET
  nombres = coalesce(?2 ->> 'nombres', nombres),
  apellidos = coalesce(?2 ->> 'apellidos', apellidos),
  telefono = iif(json_type(?2, '$.telefono') IS NULL, telefono, ?2 ->> 'telefono')
WHERE id = (SELECT id FROM target)
  AND EXISTS (
    SELECT 1 FROM caller
    JOIN permissions ON permissions.nameUri = ?1 ->> 'permission'
    JOIN permissionXRole AS link ON link.roleId = caller.role_id AND link.permissionId = permissions.id)
RETURNING id";

/// Returns the [`super::Verdict`] and the record. The time is in one format, whatever format an importer wrote it in.
const READ: &str = "-- read_persona()
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
    SELECT coalesce(?1 ->> 'id', (SELECT id FROM personas WHERE user_id = (SELECT id FROM caller))) AS id
  )
SELECT
  caller.id AS caller,
  iif(caller.id IS NULL, (SELECT is_active FROM subject), 1) AS is_active_subject,
  (SELECT id FROM identities WHERE account_id = caller.id AND back_end = 'seam') AS caller_seam,
  (SELECT id FROM identities WHERE account_id = caller.id AND back_end = 'falcon') AS caller_falcon,
  (SELECT id FROM identities WHERE account_id = caller.id AND back_end = 'django') AS caller_django,
  EXISTS (
    SELECT 1 FROM permissions
    JOIN permissionXRole AS link ON link.roleId = caller.role_id AND link.permissionId = permissions.id
    WHERE permissions.nameUri = ?1 ->> 'permission') AS permitted,
  persona.id IS NOT NULL AS found,
  EXISTS (
    SELECT 1 FROM personas AS other WHERE other.dni = ?2 ->> 'dni' AND other.id <> persona.id) AS dni_taken,
  removals.claim AS removal,
  removals.over_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
    OR removals.claimed_at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-20 minutes') AS removal_over,
  persona.id, persona.nombres, persona.apellidos, persona.telefono, persona.dni,
  persona.foto_url, persona.foto_object AS object,
  strftime('%Y-%m-%dT%H:%M:%fZ', persona.created_at) AS created_at
FROM (SELECT 1)
LEFT JOIN caller ON true
LEFT JOIN personas AS persona ON persona.id = (SELECT id FROM target)
LEFT JOIN removals ON removals.key = ?2 ->> 'object'";

impl Stored for Persona {
    const UPDATE: &'static str = UPDATE;
    const UPDATE_UNINDEXED: &'static str = UPDATE_UNINDEXED;
    const UNINDEXED: &'static [&'static str] = &UNINDEXED;
    const APPEND_CHANGE: &'static str = APPEND_PERSONA_CHANGE;
    const READ: &'static str = READ;

    fn fields<'a>(update: &'a Update<'_, Self>) -> Fields<'a> {
        // Every field is named, so that a new one does not compile until it is handled here. An upload is passed as an
        // object.
        let PersonaChange { nombres, apellidos, telefono, dni, foto_url, upload: _ } = update.change;
        let mut fields = Fields::default();
        fields.text("nombres", nombres.as_ref().map(Text::as_str));
        fields.text("apellidos", apellidos.as_ref().map(Text::as_str));
        fields.clearable("telefono", telefono);
        fields.text("dni", dni.as_ref().map(Text::as_str));
        match &update.object {
            None => fields.clearable("foto_url", foto_url),
            Some(NewObject { key, url, .. }) => {
                fields.text("foto_url", Some(url.as_str()));
                fields.text("object", Some(key.as_str()));
            }
        }
        fields
    }

    fn from_row(row: &str) -> Result<Self, Fault> {
        read_row::<PersonaRow>(row).map(Self::from)
    }
}

#[derive(Deserialize)]
struct PersonaRow {
    id: i64,
    nombres: String,
    apellidos: String,
    telefono: Option<String>,
    dni: String,
    foto_url: Option<String>,
    created_at: String,
}

impl From<PersonaRow> for Persona {
    fn from(row: PersonaRow) -> Self {
        Self {
            id: row.id,
            nombres: row.nombres,
            apellidos: row.apellidos,
            telefono: row.telefono,
            dni: row.dni,
            foto_url: row.foto_url,
            created_at: row.created_at,
        }
    }
}
