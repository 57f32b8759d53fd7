-- The change feed: who changed what (contract C1). The transaction that makes a change also inserts its row here, so
-- that neither exists without the other. No request reads this table.
CREATE TABLE changes (
  -- Grows with every change. No AUTOINCREMENT: that would also write a row of sqlite_sequence for every change. The
  -- next ID is the largest one plus 1, so IDs are not reused as long as the newest row stays.
  id INTEGER PRIMARY KEY,
  at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  -- X-Request-Id of the request, which is also in its log line.
  request_id TEXT NOT NULL,
  -- The method and route pattern, for example 'PUT /api/v1/users/:id'.
  route TEXT NOT NULL,
  -- The account that made the change, by its own ID. This table has no foreign keys: the history of a removed account
  -- stays, and its ID is never given to another account.
  actor_id INTEGER NOT NULL,
  -- The back end whose ID the actor's token contained; null if the token contained the account's own ID.
  actor_back_end TEXT,
  -- The record that was changed: an account or a persona.
  account_id INTEGER,
  persona_id INTEGER,
  -- The columns of `users` or `personas` that were set, as a JSON array of their names. Never a value.
  fields TEXT NOT NULL,
  CHECK ((account_id IS NULL) <> (persona_id IS NULL))
) STRICT;
