-- The ID of an account in each back end. Every back end numbers its accounts from 1, so an ID means nothing without the
-- back end that assigned it (contract I1-I6).
CREATE TABLE identities (
  back_end TEXT NOT NULL CHECK (back_end IN ('seam', 'falcon', 'django')),
  id INTEGER NOT NULL CHECK (id BETWEEN 1 AND 9007199254740991),
  account_id INTEGER NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  -- The ID of the account's role in that back end, if its records show another ID than that of the role in Perfil. It
  -- grants nothing.
  role_id INTEGER,
  -- An ID belongs to one account, and an account has one ID in each back end.
  PRIMARY KEY (back_end, id),
  UNIQUE (account_id, back_end)
) STRICT, WITHOUT ROWID;

-- Until now, an imported account had the ID of its back end, and `imports` records which back end that was. If it does
-- not, nothing is guessed: docs/moving-over.md has the statement that gives such accounts the IDs of one back end. '{}'
-- marks an account that was removed from Perfil; the account that has its ID now came from elsewhere.
INSERT INTO identities (back_end, id, account_id, role_id)
SELECT imports.source, imports.id, users.id, iif(imports.source = 'falcon', imports.base ->> 'role', NULL)
FROM imports JOIN users ON users.id = imports.id
WHERE imports.kind = 'users' AND imports.source IN ('seam', 'falcon', 'django')
  AND imports.base IS NOT NULL AND imports.base <> '{}';

-- The IDs of removed accounts. An account's ID is in its tokens, in the keys of its pictures and in logs. If it were
-- given to another account, that account would inherit these.
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

-- If an identity is removed, its data is removed from `imports` as well, by the ID in the back end instead of the
-- account's own. The row stays, so that the next run does not import the account again.
DROP TRIGGER users_forgotten;

CREATE TRIGGER identities_forgotten AFTER DELETE ON identities BEGIN
  UPDATE imports SET base = '{}'
  WHERE source = old.back_end AND kind = 'users' AND id = old.id AND base IS NOT NULL; END;
