-- The position of each receiver in the change feed (contract C2, C3). The first delivery inserts the row. A receiver
-- without a row starts with the oldest change that still exists.
CREATE TABLE receivers (
  -- 'seam', 'falcon', 'django', 'personas', or 'all' for a single URL.
  name TEXT PRIMARY KEY,
  -- The ID of the last change that the receiver has accepted, or that does not concern it. IDs follow the order in
  -- which the changes were made, so a single position keeps the changes of every account in order.
  position INTEGER NOT NULL DEFAULT 0,
  -- The delivery in progress, and until when no other delivery may start. A crash leaves a lease that expires.
  lease TEXT,
  leased_until TEXT,
  -- Number of consecutive posts that have failed, and when the next one may be sent.
  failures INTEGER NOT NULL DEFAULT 0,
  next_attempt_at TEXT
) STRICT, WITHOUT ROWID;
