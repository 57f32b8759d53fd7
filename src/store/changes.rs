//! The change feed: who changed what (contract C1). A row holds the names of the fields that were set, never a value.

use super::{Batch, Fields, Statement, read_row, words};
use crate::domain::{Fault, Receiver};
use serde::{Deserialize, Serialize};

/// The request that makes an update, as the update's row in the feed names it.
#[derive(Debug, Clone, Copy)]
pub struct Trace<'a> {
    /// `X-Request-Id`
    pub request_id: &'a str,
    /// Method and route pattern.
    pub route: &'static str,
}

/// What the statements below read beside the [`crate::domain::Access`].
#[derive(Serialize)]
pub struct Entry<'a> {
    request_id: &'a str,
    route: &'static str,
    fields: Vec<&'static str>,
}

impl<'a> Entry<'a> {
    /// An update that sets these fields.
    pub fn new(Trace { request_id, route }: Trace<'a>, fields: &Fields<'_>) -> Self {
        Self { request_id, route, fields: fields.columns() }
    }
}

/// Must run directly after the `UPDATE`: `changes()` counts the rows of the statement before. The `UPDATE` has checked
/// the caller's right and session, and may have changed both, so they are not checked again here. If the actor or the
/// record could not be found, a constraint would make the whole batch fail.
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

/// The same for a persona.
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

/// How many of the oldest rows one call looks at, so that none occupies the database for long.
const PAGE: usize = 10_000;
/// How many calls one run makes. What is left is for the next run.
const PAGES: u32 = 100;

/// The newest row stays however old it is, because the next number follows from it. Numbers grow with time, so the
/// oldest rows are those with the smallest numbers, and `at` needs no index.
const EXPIRE: &str = "-- expire_changes()
DELETE FROM changes
WHERE id IN (SELECT id FROM (SELECT id, at FROM changes ORDER BY id LIMIT ?2)
    WHERE at < strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?1))
  AND id < (SELECT max(id) FROM changes)";

const COUNT: &str = "-- count_expired_changes()
SELECT changes() AS count";

/// How many of the rows that [`EXPIRE`] removes concern a receiver that has not accepted them; a row counts once for
/// each such receiver. ?3 lists the receivers with their [`words`].
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
    CROSS JOIN json_each(receiver.value, '$.words.fields') AS word ON word.key = field.value)";

/// What a run of retention has done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Rows removed.
    pub removed: usize,
    /// How many deliveries of these rows will never be made; one for each receiver that had not accepted a row.
    pub undelivered: usize,
    /// Whether all rows that are too old were removed; otherwise the next run continues.
    pub complete: bool,
}

/// Removes the rows of the feed that are older than so many days, except the newest row, whether or not the receivers
/// have accepted them. `expired` grows with each call, so that it also says how far a run came that failed.
pub async fn expire(
    database: &impl Batch,
    days: u32,
    receivers: &[Receiver],
    expired: &mut Expired,
) -> Result<(), Fault> {
    let with_words = |receiver: &Receiver| {
        let (name, words) = (receiver.name(), words::of(*receiver));
        format!(r#"{{"name":"{name}","words":{words}}}"#)
    };
    let receivers = format!("[{}]", receivers.iter().map(with_words).collect::<Vec<_>>().join(","));
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
