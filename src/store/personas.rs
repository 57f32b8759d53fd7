use super::statement::{guard, replaceable};
use super::{Parameter, Prepared, Shown, Statement, Stored, read_row};
use crate::domain::{Access, Fault, Persona, PersonaChange};
use serde::Deserialize;

/// The id of the persona that is to be changed: the one named, or the one that belongs to the caller.
macro_rules! target {
    () => {
        "coalesce(?2, (SELECT own.id FROM personas AS own WHERE own.user_id = ?1))"
    };
}

/// The persona as JSON. Its time comes out in one form, whatever form an importer wrote it in.
#[rustfmt::skip]
macro_rules! record { () => {
"json_object(
  'id', id, 'nombres', nombres, 'apellidos', apellidos, 'telefono', telefono, 'dni', dni, 'foto_url', foto_url,
  'created_at', strftime('%Y-%m-%dT%H:%M:%fZ', created_at)) AS row"
} }

/// The one statement that changes personas, opened by `UPDATE OR IGNORE` or `UPDATE`.
#[rustfmt::skip]
macro_rules! update { ($verb:literal) => { concat!(
"-- update_persona()
", $verb, " personas SET
  nombres = coalesce(?5, nombres), apellidos = coalesce(?6, apellidos),
  telefono = CASE WHEN ?7 THEN ?8 ELSE telefono END,
  dni = coalesce(?9, dni),
  foto_url = CASE WHEN ?10 THEN ?11 ELSE foto_url END
WHERE id = ", target!(), " AND ", holds_permission!(), "
  AND NOT EXISTS (SELECT 1 FROM removals WHERE key = ?12)
RETURNING ", record!()
) } }

#[rustfmt::skip]
const LOAD: &str = concat!(
"-- load_persona()
SELECT ", record!(), "
FROM personas WHERE id = ", target!(), " AND ", holds_permission!()
);

#[rustfmt::skip]
const EXPLAIN: &str = concat!(
"-- explain_persona()
SELECT json_object(
  'active', ", is_active!(), ",
  'permitted', ", holds_permission!(), ",
  'found', EXISTS (SELECT 1 FROM personas WHERE id = ", target!(), "),
  'dni_taken', EXISTS (SELECT 1 FROM personas WHERE dni = ?5 AND id <> ", target!(), "),
  ", removal!("?6"), ") AS row"
);

#[rustfmt::skip]
const SHOWN: &str = concat!(
"-- object_shown_by_persona()
SELECT json_object('key', foto_object) AS row FROM personas WHERE id = ", target!()
);

impl Stored for Persona {
    const INSIST: &'static str = update!("UPDATE");
    const LOAD: &'static str = LOAD;
    const SHOWN: &'static str = SHOWN;

    fn update(access: &Access, change: &PersonaChange, prepared: &Prepared) -> Statement {
        let mut parameters = guard(access).to_vec();
        parameters.extend([&change.nombres, &change.apellidos].map(|text| Parameter::from(text.as_ref())));
        parameters.extend(replaceable(&change.telefono));
        parameters.push(change.dni.as_ref().into());
        parameters.extend(match &prepared.object {
            Some(Shown { url, .. }) => [1.into(), url.as_str().into()],
            None => replaceable(&change.foto_url),
        });
        parameters.push(prepared.key());
        Statement { sql: update!("UPDATE OR IGNORE"), parameters }
    }

    fn explain(access: &Access, change: &PersonaChange, prepared: &Prepared) -> Statement {
        let mut parameters = guard(access).to_vec();
        parameters.push(change.dni.as_ref().into());
        parameters.push(prepared.key());
        Statement { sql: EXPLAIN, parameters }
    }

    fn from_row(row: &str) -> Result<Self, Fault> {
        read_row::<Row>(row).map(Self::from)
    }
}

#[derive(Deserialize)]
struct Row {
    id: i64,
    nombres: String,
    apellidos: String,
    telefono: Option<String>,
    dni: String,
    foto_url: Option<String>,
    created_at: String,
}

impl From<Row> for Persona {
    fn from(row: Row) -> Self {
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
