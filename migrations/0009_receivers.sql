-- How far each receiver of the change feed has got (contract C2, C3). A row is inserted with the first delivery; a
-- receiver without a row begins with the oldest change that is still there.
CREATE TABLE receivers (
  -- 'seam', 'falcon', 'django', 'personas', or 'all' for a single URL.
  name TEXT PRIMARY KEY,
  -- The number of the last change that the receiver has accepted, or that does not concern it. Numbers follow the order
  -- in which the changes were made, so one number is enough to keep the order for every account.
  position INTEGER NOT NULL DEFAULT 0,
  -- Who delivers at the moment, and until when nobody else does. A crash leaves a lease that ends by itself.
  lease TEXT,
  leased_until TEXT,
  -- How many posts in a row have failed, and when the next one may be sent.
  failures INTEGER NOT NULL DEFAULT 0,
  next_attempt_at TEXT
) STRICT, WITHOUT ROWID;
