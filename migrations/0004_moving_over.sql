-- What accounts bring along that come from the back ends' own databases (`npm run import`), and what came from where.

-- Hashes that are no bcrypt, verbatim, one for each back end, for its login service alone to read and verify:
--   {"falcon": {"password": "<hex of SHA-256>", "salt": "…"}, "django": "pbkdf2_sha256$…"}
-- Nothing here verifies them. A password that is set here makes them void: the same UPDATE sets them to null, or the old
-- password would still open the account where one of them is asked.
ALTER TABLE users ADD COLUMN legacy_password_hashes TEXT CHECK (json_type(legacy_password_hashes) = 'object');

-- What every record of an import has become, so that it can be run again: a record is known by its own id, also when its
-- e-mail was changed here since, and what was changed, taken away or removed here stays so.
-- `DELETE FROM imports` when the move is over: nothing else reads it.
CREATE TABLE imports (
  -- seam, falcon, django or personas.
  source TEXT NOT NULL,
  -- The table here that it belongs to.
  kind TEXT NOT NULL,
  -- Its id there: a number, or two for a link ('3/1').
  id ANY NOT NULL,
  -- Its id here, where it may be another: of roles and permissions.
  target INTEGER,
  -- What the source said when it last landed, hashes left out; null while it never did. A value that is still the same
  -- here may follow the source, any other was changed here.
  base TEXT,
  -- What the source says now; null but within the file that brings it.
  incoming TEXT,
  -- Why the last run left it out; null when it landed.
  problem TEXT,
  -- What is another here than in the source, and was left so.
  differs TEXT,
  PRIMARY KEY (source, kind, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX imports_incoming ON imports (source, kind, id) WHERE incoming IS NOT NULL;

-- Who is removed here is forgotten here too; that there was one is remembered, or the next run would bring it back.
CREATE TRIGGER users_forgotten AFTER DELETE ON users BEGIN
  UPDATE imports SET base = '{}' WHERE source IN ('seam', 'falcon', 'django') AND kind = 'users' AND id = old.id AND base IS NOT NULL; END;

CREATE TRIGGER personas_forgotten AFTER DELETE ON personas BEGIN
  UPDATE imports SET base = '{}' WHERE source = 'personas' AND kind = 'personas' AND id = old.id AND base IS NOT NULL; END;
