-- What the database knows of the bucket: which object each record shows, and which objects are on their way out.

-- The object that a record shows, so that none is removed that somebody still sees. What clients write is free text:
-- the key itself, or any path or URL with `/media/` and the key in it. A query or a fragment does not count.
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

-- Objects that are being removed from the bucket, or were. A key can come back: the same picture has the same key.
-- So whoever removes an object claims its key first, and gets it only while no record shows it; and no upload may
-- point a record at a claimed key before the removal is over and the object is there anew. Without that, an upload
-- that finds its picture in the bucket could be overtaken by a removal that was decided before it.
CREATE TABLE removals (
  key TEXT PRIMARY KEY,
  -- Random, another one for every removal: who has seen the end of one must not take it for the next.
  claim TEXT NOT NULL,
  claimed_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  -- Null while it is under way; in the future when the bucket failed, and may still act.
  over_at TEXT
) STRICT, WITHOUT ROWID;

-- Where the sweep of the bucket goes on: behind this key, or at the start.
CREATE TABLE sweeps (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  behind TEXT NOT NULL DEFAULT ''
) STRICT;

INSERT INTO sweeps (id) VALUES (1);
