-- The database's view of the bucket: the object that each record refers to, and the objects that are being removed.

-- The object that a record refers to, so that no object in use is removed. Clients write free text: the key itself, or
-- any path or URL that contains `/media/` and the key. The innermost `substr` cuts off a query or a fragment. The key
-- begins 7 characters, the length of `/media/`, after the place that `instr` finds.
ALTER TABLE users ADD COLUMN image_object TEXT AS (
  CASE
    WHEN instr('/' || substr(image, 1, instr(replace(image, '#', '?') || '?', '?') - 1), '/media/avatars/') > 0
      THEN substr('/' || substr(image, 1, instr(replace(image, '#', '?') || '?', '?') - 1),
             instr('/' || image, '/media/avatars/') + 7)
    WHEN substr(image, 1, 8) = 'avatars/'
      THEN substr(image, 1, instr(replace(image, '#', '?') || '?', '?') - 1)
  END
) VIRTUAL;

ALTER TABLE personas ADD COLUMN foto_object TEXT AS (
  CASE
    WHEN instr('/' || substr(foto_url, 1, instr(replace(foto_url, '#', '?') || '?', '?') - 1), '/media/avatars/') > 0
      THEN substr('/' || substr(foto_url, 1, instr(replace(foto_url, '#', '?') || '?', '?') - 1),
             instr('/' || foto_url, '/media/avatars/') + 7)
    WHEN substr(foto_url, 1, 8) = 'avatars/'
      THEN substr(foto_url, 1, instr(replace(foto_url, '#', '?') || '?', '?') - 1)
  END
) VIRTUAL;

CREATE INDEX users_image_object ON users (image_object) WHERE image_object IS NOT NULL;
CREATE INDEX personas_foto_object ON personas (foto_object) WHERE foto_object IS NOT NULL;

-- Objects that are being removed from the bucket, or were removed. A key can be used again, because the same picture
-- has the same key. A removal therefore claims the key first, which succeeds only if no record refers to the object.
-- An upload may not make a record refer to a claimed key until the removal is finished and the object is stored again.
-- Otherwise, an upload that finds its picture in the bucket could lose it to a removal that was decided earlier.
CREATE TABLE removals (
  key TEXT PRIMARY KEY,
  -- Random, and different for every removal, so that an upload that saw the end of one cannot confuse it with the next.
  claim TEXT NOT NULL,
  claimed_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  -- Null while the removal is in progress. In the future if the bucket failed, because it may still delete the object.
  over_at TEXT
) STRICT, WITHOUT ROWID;

-- Where the sweep of the bucket continues: after this key, or from the start if it is empty.
CREATE TABLE sweeps (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  behind TEXT NOT NULL DEFAULT ''
) STRICT;

INSERT INTO sweeps (id) VALUES (1);
