-- Data imported from the back ends' own databases (`npm run import`), and the source of imported records.

-- Hashes other than bcrypt, verbatim, one for each back end. Only that back end's login service reads and verifies it:
--   {"falcon": {"password": "<hex of SHA-256>", "salt": "…"}, "django": "pbkdf2_sha256$…"}
-- Perfil never verifies them. The UPDATE that sets a new password also sets them to null. Otherwise, the old password
-- would still work at a login service that checks one of them.
ALTER TABLE users ADD COLUMN legacy_password_hashes TEXT CHECK (json_type(legacy_password_hashes) = 'object');

-- The result of an import for every record, so that the import can be repeated. A record is identified by its ID at the
-- source, even if its e-mail address has changed in Perfil since. Anything that was changed, revoked or removed in
-- Perfil stays so. Run `DELETE FROM imports` when the move is complete: nothing else reads this table.
CREATE TABLE imports (
  -- seam, falcon, django or personas.
  source TEXT NOT NULL,
  -- The table in Perfil that the record belongs to.
  kind TEXT NOT NULL,
  -- The record's ID at the source: a number, or two for a link ('3/1').
  id ANY NOT NULL,
  -- The record's ID in Perfil, if it may differ: for roles and permissions.
  target INTEGER,
  -- The record at the source when it was last imported, without hashes; null if it never was. A value that is still the
  -- same in Perfil may follow the source; any other value was changed in Perfil.
  base TEXT,
  -- The record at the source now; null except while an import's file runs.
  incoming TEXT,
  -- The reason the last run skipped the record; null if it was imported.
  problem TEXT,
  -- What differs between Perfil and the source, and was left so.
  differs TEXT,
  PRIMARY KEY (source, kind, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX imports_incoming ON imports (source, kind, id) WHERE incoming IS NOT NULL;

-- If a record is removed from Perfil, its data is removed from `imports` as well. The row stays, so that the next run
-- does not import the record again.
CREATE TRIGGER users_forgotten AFTER DELETE ON users BEGIN
  UPDATE imports SET base = '{}' WHERE source IN ('seam', 'falcon', 'django') AND kind = 'users' AND id = old.id AND base IS NOT NULL; END;

CREATE TRIGGER personas_forgotten AFTER DELETE ON personas BEGIN
  UPDATE imports SET base = '{}' WHERE source = 'personas' AND kind = 'personas' AND id = old.id AND base IS NOT NULL; END;
