//! The change feed, which records who changed what (contract C1). A row contains the names of the fields that were set,
//! never a value.

use super::{Batch, Fields, Statement, field_names, read_row};
use crate::domain::{Fault, Receiver};
use serde::{Deserialize, Serialize};

/// The request behind an update, as recorded in the update's row of the feed.
#[derive(Debug, Clone, Copy)]
pub struct Trace<'a> {
    /// `X-Request-Id`
    pub request_id: &'a str,
    /// The endpoint's pattern, for example `PUT /users`.
    pub route: &'static str,
}

/// The second parameter of the statements below, after the [`crate::domain::Access`].
#[derive(Serialize)]
pub struct Entry<'a> {
    request_id: &'a str,
    route: &'static str,
    fields: Vec<&'static str>,
}

impl<'a> Entry<'a> {
    /// Creates the entry of an update that sets these fields.
    pub fn new(Trace { request_id, route }: Trace<'a>, fields: &Fields<'_>) -> Self {
        Self { request_id, route, fields: fields.columns() }
    }
}

/// Adds the row of a change to an account. Must run directly after the `UPDATE`, because `changes()` counts the rows of
/// the statement before. The `UPDATE` has checked the caller's right and session, and may have changed both, so they
/// are not checked again here. If the actor or the record cannot be found, a constraint makes the whole batch fail.
pub const APPEND_ACCOUNT_CHANGE: &str = "-- append_account_change()
WITH
  actor AS (
    SELECT iif(?1 ->> 'issuer' IS NULL, ?1 ->> 'subject', (
      SELECT account_id FROM identities WHERE back_end = ?1 ->> 'issuer' AND id = ?1 ->> 'subject')) AS id
  )
INSERT INTO changes (request_id, route, actor_id, actor_back_end, account_id, fields)
SELECT
  ?2 ->> 'request_id', ?2 ->> 'route', actor.id, ?1 ->> 'issuer',
  iif(?1 ->> 'id' IS NULL, actor.id, (
    SELECT account_id FROM identities WHERE back_end = ?1 ->> 'back_end' AND id = ?1 ->> 'id')),
  ?2 -> 'fields'
FROM actor
WHERE changes() > 0";

/// Adds the row of a change to a persona, like [`APPEND_ACCOUNT_CHANGE`].
pub const APPEND_PERSONA_CHANGE: &str = "-- append_persona_change()
WITH
  actor AS (
    SELECT iif(?1 ->> 'issuer' IS NULL, ?1 ->> 'subject', (
      SELECT account_id FROM identities WHERE back_end = ?1 ->> 'issuer' AND id = ?1 ->> 'subject')) AS id
  )
INSERT INTO changes (request_id, route, actor_id, actor_back_end, persona_id, fields)
SELECT
  ?2 ->> 'request_id', ?2 ->> 'route', actor.id, ?1 ->> 'issuer',
  iif(?1 ->> 'id' IS NULL, (SELECT personas.id FROM personas WHERE user_id = actor.id), ?1 ->> 'id'),
  ?2 -> 'fields'
FROM actor
WHERE changes() > 0";

/// Number of the oldest rows that one D1 call looks at. It is limited so that no call occupies the database for long.
const PAGE: usize = 10_000;
/// Maximum number of calls in one run. The next run removes the remaining rows.
const PAGES: u32 = 100;

/// Removes rows that are older than ?1, of the ?2 oldest ones. The newest row stays, however old it is, because the
/// next ID follows from it. IDs grow with time, so the oldest rows are those with the smallest IDs, and `at` needs no
/// index.
const EXPIRE: &str = "-- expire_changes()
DELETE FROM changes
WHERE id IN (SELECT id FROM (SELECT id, at FROM changes ORDER BY id LIMIT ?2)
    WHERE at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?1))
  AND id < (SELECT max(id) FROM changes)";

const COUNT: &str = "-- count_expired_changes()
SELECT changes() AS count";

/// Counts the rows that [`EXPIRE`] removes although a receiver that they concern has not accepted them. A row counts
/// once for each such receiver. ?3 lists the receivers with their [`field_names`].
const COUNT_UNDELIVERED: &str = "-- count_undelivered_changes()
SELECT count(*) AS count
FROM json_each(?3) AS receiver
CROSS JOIN (SELECT id, at, account_id, fields FROM changes ORDER BY id LIMIT ?2) AS old
WHERE old.at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?1)
  AND old.id < (SELECT max(id) FROM changes)
  AND old.id > coalesce((SELECT position FROM receivers WHERE name = receiver.value ->> 'name'), 0)
  AND (receiver.value ->> 'name' IN ('all', 'personas') OR EXISTS (
    SELECT 1 FROM identities WHERE account_id = old.account_id AND back_end = receiver.value ->> 'name'))
  AND EXISTS (
    SELECT 1 FROM json_each(old.fields) AS field
    CROSS JOIN json_each(receiver.value, '$.field_names.fields') AS name ON name.key = field.value)";

/// The results of a run of retention.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct RetentionResult {
    /// Number of rows removed.
    pub removed: usize,
    /// Number of deliveries of these rows that will never be made, one for each receiver that had not accepted a row.
    pub undelivered: usize,
    /// Whether all rows that are too old were removed. If not, the next run continues.
    pub complete: bool,
}

/// Removes the rows of the feed that are older than `days` days, except the newest row, whether or not the receivers
/// have accepted them. `expired` is updated after each call, so that a run that fails still reports its progress.
pub async fn expire(
    database: &impl Batch,
    days: u32,
    receivers: &[Receiver],
    expired: &mut RetentionResult,
) -> Result<(), Fault> {
    let with_field_names = |receiver: &Receiver| {
        let (name, field_names) = (receiver.name(), field_names::of(*receiver));
        format!(r#"{{"name":"{name}","field_names":{field_names}}}"#)
    };
    let receivers = format!("[{}]", receivers.iter().map(with_field_names).collect::<Vec<_>>().join(","));
    for _ in 0..PAGES {
        let parameters = vec![Some(format!("-{days} days")), Some(PAGE.to_string())];
        let undelivered = [parameters.clone(), vec![Some(receivers.clone())]].concat();
        let undelivered = Statement { sql: COUNT_UNDELIVERED, parameters: undelivered };
        let count = Statement { sql: COUNT, parameters: Vec::new() };
        let expire = Statement { sql: EXPIRE, parameters };
        let [undelivered, _, rows] = database.batch([undelivered, expire, count]).await?;
        let count = counted(&rows)?;
        expired.undelivered = expired.undelivered.saturating_add(counted(&undelivered)?);
        expired.removed = expired.removed.saturating_add(count);
        expired.complete = count < PAGE;
        if expired.complete {
            break;
        }
    }
    Ok(())
}

fn counted(rows: &[String]) -> Result<usize, Fault> {
    let Count { count } = rows.first().map(|row| read_row(row)).transpose()?.unwrap_or_default();
    Ok(count)
}

#[derive(Default, Deserialize)]
struct Count {
    count: usize,
}
