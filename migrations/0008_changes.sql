-- Who changed what (contract C1). The transaction that makes a change also inserts its row here, so that neither exists
-- without the other. No request reads this table.
CREATE TABLE changes (
  -- Grows with every change. No AUTOINCREMENT: that would write a row of sqlite_sequence for every change as well. The
  -- next number is the largest one plus 1, so numbers are not reused as long as the newest row stays.
  id INTEGER PRIMARY KEY,
  at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  -- X-Request-Id of the request, which is in its log line too.
  request_id TEXT NOT NULL,
  -- The method and route pattern, for example 'PUT /api/v1/users/:id'.
  route TEXT NOT NULL,
  -- The account that made the change, by its own id. No foreign keys in this table: the history of a removed account
  -- stays, and its id is never given to another one.
  actor_id INTEGER NOT NULL,
  -- The back end that issued the actor's token; null if the token holds the account's own id.
  actor_back_end TEXT,
  -- The record that was changed: an account or a persona.
  account_id INTEGER,
  persona_id INTEGER,
  -- The columns of `users` or `personas` that were set, as a JSON array of their names. Never a value.
  fields TEXT NOT NULL,
  CHECK ((account_id IS NULL) <> (persona_id IS NULL))
) STRICT;
