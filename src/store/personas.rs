use super::statement::{guard, replaceable};
use super::{NewObject, Parameter, Statement, Stored, Update, read_row};
use crate::domain::{Change, Fault, Persona};
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

/// The statement that changes personas, opened by `UPDATE OR IGNORE` or `UPDATE`, in two widths, as that of accounts.
#[rustfmt::skip]
macro_rules! update { ($verb:literal, { $($set:tt)* }, { $($unless:tt)* }) => { concat!(
"-- update_persona()
", $verb, " personas SET
  nombres = coalesce(?5, nombres), apellidos = coalesce(?6, apellidos),
  telefono = CASE WHEN ?7 THEN ?8 ELSE telefono END", $($set)*, "
WHERE id = ", target!(), " AND ", holds_permission!(), $($unless)*, "
RETURNING ", record!()
) } }

const NARROW: &str = update!("UPDATE OR IGNORE", { "" }, { "" });
/// How many parameters it has.
const NARROW_PARAMETERS: usize = 8;

#[rustfmt::skip]
macro_rules! wide { ($verb:literal) => { update!($verb, { ",
  dni = coalesce(?9, dni),
  foto_url = CASE WHEN ?10 THEN ?11 ELSE foto_url END,
  foto_as_sent = CASE
    WHEN ?12 IS NOT NULL THEN NULL
    WHEN ?10 AND ?11 IS NOT foto_url THEN iif(instr(?11, 'avatars/'), ?11, NULL)
    ELSE foto_as_sent END" }, { "
  AND NOT EXISTS (SELECT 1 FROM removals WHERE key = ?12)" }
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
const CURRENT_OBJECT: &str = concat!(
"-- object_shown_by_persona()
SELECT json_object('key', foto_object) AS row FROM personas WHERE id = ", target!()
);

impl Stored for Persona {
    const LOAD: &'static str = LOAD;
    const CURRENT_OBJECT: &'static str = CURRENT_OBJECT;

    fn update(update: &Update<'_, Self>) -> Statement {
        let mut parameters = parameters(update);
        if update.change.dni.is_some() || update.change.replaces_image() {
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
        parameters.push(update.change.dni.as_ref().into());
        parameters.push(update.key());
        Statement { sql: EXPLAIN, parameters }
    }

    fn from_row(row: &str) -> Result<Self, Fault> {
        read_row::<PersonaRow>(row).map(Self::from)
    }
}

fn parameters(update: &Update<'_, Persona>) -> Vec<Parameter> {
    let change = update.change;
    let mut parameters = Vec::with_capacity(12);
    parameters.extend(guard(update.access));
    parameters.extend([&change.nombres, &change.apellidos].map(|text| Parameter::from(text.as_ref())));
    parameters.extend(replaceable(&change.telefono));
    parameters.push(change.dni.as_ref().into());
    parameters.extend(match &update.object {
        Some(NewObject { url, .. }) => [1.into(), url.as_str().into()],
        None => replaceable(&change.foto_url),
    });
    parameters.push(update.key());
    parameters
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
