//! The position of each receiver in the change feed, and the leases of deliveries (contract C2, C3).
//!
//! A delivery takes the receiver's lease and reads the next changes in one D1 call. When the receiver has accepted
//! them, a second call moves its position, and either reads more changes or releases the lease. While a lease lasts, no
//! other delivery to that receiver runs, so its changes arrive in order. A delivery that crashes leaves a lease that
//! expires; the changes that it had sent are sent again.

use super::{Batch, Statement, field_names, random_id, read_row};
use crate::domain::{Fault, Receiver};
use serde::Deserialize;

/// Duration of a lease: longer than a D1 call and a post may take in total.
const LEASE: &str = "+30 seconds";

/// Takes a receiver's lease. Writes nothing if another delivery has it, if the next attempt is not due yet, or if there
/// is nothing to deliver.
pub const TAKE_LEASE: &str = "-- take_lease()
INSERT INTO receivers (name, lease, leased_until)
SELECT ?1, ?2, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?3)
WHERE EXISTS (
  SELECT 1 FROM changes WHERE id > coalesce((SELECT position FROM receivers WHERE name = ?1), 0))
ON CONFLICT (name) DO UPDATE SET lease = excluded.lease, leased_until = excluded.leased_until
  WHERE (leased_until IS NULL OR leased_until <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    AND (next_attempt_at IS NULL OR next_attempt_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))";

/// Moves the position. Renews the lease for the duration ?4, or releases it if ?4 is null. Writes nothing if the lease
/// was lost.
pub const ADVANCE: &str = "-- advance_receiver()
UPDATE receivers SET
  position = ?3,
  failures = 0,
  next_attempt_at = NULL,
  lease = iif(?4 IS NULL, NULL, lease),
  leased_until = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?4)
WHERE name = ?1 AND lease = ?2";

/// Releases the lease, and sets the time of the next attempt.
pub const POSTPONE: &str = "-- postpone_delivery()
UPDATE receivers SET
  failures = failures + 1,
  next_attempt_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?3),
  lease = NULL,
  leased_until = NULL
WHERE name = ?1 AND lease = ?2";

/// Returns the next changes that concern the receiver, with their records as they are now, as the body of a post.
/// Returns no row without the lease. Looks at a span of at most 1000 IDs and takes at most 100 changes. IDs have gaps
/// only where rows were removed, so the span starts at the first ID that exists.
///
/// ?3 contains the receiver's [`field_names`]. `users` and `personas` have different columns, so the names also decide
/// which table's changes the receiver gets. A password's hash is read only if ?4 is `on`, and only for a change of the
/// password.
pub const READ_CHANGES: &str = "-- read_changes()
WITH
  span AS (
    SELECT position, failures, newest, min(first + 999, newest) AS last
    FROM (
      SELECT
        position, failures,
        (SELECT min(id) FROM changes WHERE id > receivers.position) AS first,
        (SELECT max(id) FROM changes) AS newest
      FROM receivers WHERE name = ?1 AND lease = ?2)
    WHERE first IS NOT NULL
  ),
  found AS (
    SELECT
      changes.*, identity.role_id AS back_end_role,
      iif(?1 IN ('all', 'personas'), coalesce(changes.account_id, changes.persona_id), identity.id) AS number,
      iif(?1 IN ('all', 'personas'), changes.actor_id, actor.id) AS actor
    FROM span
    CROSS JOIN changes ON changes.id > span.position AND changes.id <= span.last
    LEFT JOIN identities AS identity ON identity.account_id = changes.account_id AND identity.back_end = ?1
    LEFT JOIN identities AS actor ON actor.account_id = changes.actor_id AND actor.back_end = ?1
    WHERE (?1 IN ('all', 'personas') OR identity.id IS NOT NULL)
      AND EXISTS (
        SELECT 1 FROM json_each(changes.fields) AS field
        CROSS JOIN json_each(?3, '$.fields') AS name ON name.key = field.value)
    ORDER BY changes.id
    LIMIT 100
  ),
  shown AS MATERIALIZED (
    SELECT
      found.*,
      CASE
        WHEN account.id IS NOT NULL THEN json_insert(
          json_object(
            'id', found.number,
            'username', account.username, 'email', account.email, 'full_name', account.full_name,
            'first_name', account.first_name, 'last_name', account.last_name, 'number_phone', account.number_phone,
            'image', account.image, 'role_id', account.role_id,
            'is_active', json(iif(account.is_active, 'true', 'false')),
            'is_staff', json(iif(account.is_staff, 'true', 'false')),
            'is_superuser', json(iif(account.is_superuser, 'true', 'false')),
            'created_at', strftime('%Y-%m-%dT%H:%M:%fZ', account.created_at),
            'updated_at', strftime('%Y-%m-%dT%H:%M:%fZ', account.updated_at),
            'last_login', strftime('%Y-%m-%dT%H:%M:%fZ', account.last_login)),
          '$.identities', json((
            SELECT json_group_object(back_end, id) FROM identities WHERE account_id = found.account_id)),
          '$.back_end_role', coalesce(found.back_end_role, account.role_id),
          '$.image_or_default', coalesce(account.image, 'profile-pictures/default.jpg'),
          '$.image_url_path', iif(
            account.image GLOB 'avatars/*' AND account.image NOT GLOB '*[^A-Za-z0-9._/-]*'
              AND instr(account.image || '/', '//') = 0
              AND instr(account.image || '/', '/./') = 0
              AND instr(account.image || '/', '/../') = 0
              AND (account.image LIKE '%.jpg' OR account.image LIKE '%.jpeg' OR account.image LIKE '%.png'
                OR account.image LIKE '%.gif' OR account.image LIKE '%.webp'),
            '/media/' || account.image, NULL))
        WHEN persona.id IS NOT NULL THEN json_object(
          'id', persona.id, 'user_id', persona.user_id,
          'nombres', persona.nombres, 'apellidos', persona.apellidos, 'telefono', persona.telefono,
          'dni', persona.dni, 'foto_url', persona.foto_url,
          'created_at', strftime('%Y-%m-%dT%H:%M:%fZ', persona.created_at))
      END AS full_record,
      iif(?4 = 'on' AND EXISTS (SELECT 1 FROM json_each(found.fields) WHERE value = 'password_hash'),
        account.password_hash, NULL) AS hash
    FROM found
    LEFT JOIN users AS account ON account.id = found.account_id
    LEFT JOIN personas AS persona ON persona.id = found.persona_id
  )
SELECT
  iif(count(shown.id) = 100, max(shown.id), span.last) AS position, span.newest, span.failures,
  count(shown.id) AS count, min(shown.id) AS first, max(shown.id) AS last,
  json_object(
    'type', 'changes',
    'timestamp', strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
    'data', json_object('changes', json_group_array(json_object(
      'id', shown.id, 'at', shown.at, 'request_id', shown.request_id, 'route', shown.route,
      'actor', json(iif(shown.actor IS NULL, NULL, json_object('account', shown.actor))),
      'subject', json_object(iif(shown.persona_id IS NULL, 'account', 'persona'), shown.number),
      'fields', json((
        SELECT json_group_array(name.value)
        FROM json_each(shown.fields) AS field
        CROSS JOIN json_each(?3, '$.fields') AS name ON name.key = field.value)),
      'record', json(iif(shown.full_record IS NULL, NULL, json_patch(
        (SELECT json_group_object(name.key, json(shown.full_record -> name.value))
         FROM json_each(?3, iif(shown.persona_id IS NULL, '$.account', '$.persona')) AS name),
        iif(shown.hash IS NULL, '{}', json_object('password_hash', shown.hash)))))
      ) ORDER BY shown.id) FILTER (WHERE shown.id IS NOT NULL))) AS body
FROM span LEFT JOIN shown ON true
GROUP BY span.last";

/// The right to deliver to a receiver.
pub struct Lease {
    receiver: Receiver,
    token: String,
    with_hashes: bool,
}

/// The next step of a delivery in the database.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// Takes the lease.
    Take,
    /// Moves the receiver's position, and releases the lease unless it is to be kept.
    Advance {
        /// The ID of the last change that the receiver has accepted, or that does not concern it.
        position: i64,
        /// Whether to keep the lease and read more changes.
        keep: bool,
    },
    /// Releases the lease after a failed post.
    Postpone {
        /// Time until the next attempt, in seconds.
        seconds: u32,
    },
}

/// The next post to a receiver.
#[derive(Deserialize)]
pub struct Next {
    /// The position after these changes.
    pub position: i64,
    /// The ID of the newest change in the feed.
    pub newest: i64,
    /// Number of posts that have failed since the last one that was accepted.
    pub failures: u32,
    /// Number of changes in the post; 0 if none of those that were looked at concerns the receiver.
    pub count: usize,
    /// The ID of the first change in the post.
    pub first: Option<i64>,
    /// The ID of the last change in the post.
    pub last: Option<i64>,
    /// The body of the post. It contains personal data, and may contain password hashes.
    pub body: String,
}

impl Lease {
    /// Creates a lease that has not been taken yet. With `with_hashes`, records contain the hash of a new password.
    pub fn new(receiver: Receiver, with_hashes: bool) -> Result<Self, Fault> {
        Ok(Self { receiver, token: random_id()?, with_hashes })
    }

    /// Takes a step and reads the next post, in one D1 call. Returns `None` if the lease is not held after the step, or
    /// if there are no more changes. Steps are idempotent, so a step at which the database fails is repeated once.
    pub async fn step(&self, database: &impl Batch, step: Step) -> Result<Option<Next>, Fault> {
        let mut rows = database.batch(self.statements(step)).await;
        if let Err(Fault::Database(_)) = rows {
            rows = database.batch(self.statements(step)).await;
        }
        let [_, rows] = rows?;
        rows.first().map(|row| read_row(row)).transpose()
    }

    fn statements(&self, step: Step) -> [Statement; 2] {
        let duration = || Some(LEASE.to_owned());
        let (sql, more) = match step {
            Step::Take => (TAKE_LEASE, vec![duration()]),
            Step::Advance { position, keep } => {
                (ADVANCE, vec![Some(position.to_string()), keep.then(duration).flatten()])
            }
            Step::Postpone { seconds } => (POSTPONE, vec![Some(format!("+{seconds} seconds"))]),
        };
        let names = Some(field_names::of(self.receiver).to_owned());
        let hashes = self.with_hashes.then(|| "on".to_owned());
        [self.statement(sql, more), self.statement(READ_CHANGES, vec![names, hashes])]
    }

    fn statement(&self, sql: &'static str, more: Vec<Option<String>>) -> Statement {
        let mut parameters = vec![Some(self.receiver.name().to_owned()), Some(self.token.clone())];
        parameters.extend(more);
        Statement { sql, parameters }
    }
}
