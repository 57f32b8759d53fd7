-- By which number each back end knows an account. Every back end numbers its accounts from 1, so a number means nothing
-- without the back end that assigned it (contract I1-I6).
CREATE TABLE identities (
  back_end TEXT NOT NULL CHECK (back_end IN ('seam', 'falcon', 'django')),
  id INTEGER NOT NULL CHECK (id BETWEEN 1 AND 9007199254740991),
  account_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  -- The number of the account's role in that back end, where its records show another one than the role has here. It
  -- grants nothing.
  role_id INTEGER,
  -- A number belongs to one account, and an account has one number in each back end.
  PRIMARY KEY (back_end, id),
  UNIQUE (account_id, back_end)
) STRICT, WITHOUT ROWID;

-- Until now an imported account had its back end's number, and `imports` remembers which back end that was. Where it
-- does not, nothing is guessed: docs/moving-over.md has the statement that gives such accounts a back end's numbers.
-- '{}' is an account that was removed here: who has its number now came from elsewhere.
INSERT INTO identities (back_end, id, account_id, role_id)
SELECT imports.source, imports.id, users.id, iif(imports.source = 'falcon', imports.base ->> 'role', NULL)
FROM imports JOIN users ON users.id = imports.id
WHERE imports.kind = 'users' AND imports.source IN ('seam', 'falcon', 'django')
  AND imports.base IS NOT NULL AND imports.base <> '{}';

-- The ids of removed accounts. An account's id is in tokens, in the names of its pictures and in logs: given to
-- somebody else, it would hand those over.
CREATE TABLE retired_accounts (
  id INTEGER PRIMARY KEY
) STRICT;

CREATE TRIGGER users_retired AFTER DELETE ON users BEGIN
  INSERT OR IGNORE INTO retired_accounts (id) VALUES (old.id); END;

CREATE TRIGGER users_never_reused AFTER INSERT ON users
WHEN EXISTS (SELECT 1 FROM retired_accounts WHERE id = new.id) BEGIN
  SELECT RAISE(ABORT, 'users.id: a removed account had this id, and ids are never reused'); END;

CREATE TRIGGER users_keep_their_id BEFORE UPDATE OF id ON users WHEN new.id <> old.id BEGIN
  SELECT RAISE(ABORT, 'users.id: an account keeps its id'); END;

-- Whose number is removed here is forgotten in `imports` too, under that number and not under the account's id; that
-- there was one is remembered, or the next run would bring it back.
DROP TRIGGER users_forgotten;

CREATE TRIGGER identities_forgotten AFTER DELETE ON identities BEGIN
  UPDATE imports SET base = '{}'
  WHERE source = old.back_end AND kind = 'users' AND id = old.id AND base IS NOT NULL; END;
