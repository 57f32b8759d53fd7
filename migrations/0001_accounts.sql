-- Accounts, roles and personas: one model for the four back ends.
--
-- Every rule that must hold for concurrent requests is a constraint here, because the worker changes a record without
-- reading it first. Times are UTC texts that SQLite's date functions can read.

CREATE TABLE roles (
  id INTEGER PRIMARY KEY CHECK (id > 0),
  name TEXT NOT NULL UNIQUE COLLATE NOCASE,
  description TEXT
) STRICT;

-- A permission is a method and a route pattern, for example 'PUT /api/v1/users/:id'. Operators grant a permission by
-- linking it to a role. Operators write these two tables themselves, so their names must not change. NOCASE: the
-- existing back ends ignore case here.
CREATE TABLE permissions (
  id INTEGER PRIMARY KEY CHECK (id > 0),
  nameUri TEXT NOT NULL UNIQUE COLLATE NOCASE
) STRICT;

CREATE TABLE permissionXRole (
  permissionId INTEGER NOT NULL REFERENCES permissions (id) ON DELETE CASCADE,
  roleId INTEGER NOT NULL REFERENCES roles (id) ON DELETE CASCADE,
  -- The role comes first, because every request looks up the permissions of a role.
  PRIMARY KEY (roleId, permissionId)
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
  -- Never 0: the worker looks up 0 if a path contains an ID that no account can have.
  id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),
  -- NOCASE: 'Alice' and 'alice' look like the same person, so they must be one account.
  username TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(username) BETWEEN 1 AND 150),
  email TEXT NOT NULL UNIQUE COLLATE NOCASE CHECK (length(email) BETWEEN 3 AND 254),
  full_name TEXT NOT NULL DEFAULT '' CHECK (length(full_name) <= 255),
  first_name TEXT NOT NULL DEFAULT '' CHECK (length(first_name) <= 200),
  last_name TEXT NOT NULL DEFAULT '' CHECK (length(last_name) <= 200),
  number_phone TEXT CHECK (length(number_phone) <= 10),
  -- Null means the default picture, which each back end shows in its own way.
  image TEXT CHECK (length(image) BETWEEN 1 AND 255),
  -- bcrypt. Null for an account whose login service stores another kind of hash.
  password_hash TEXT CHECK (password_hash LIKE '$2_$__$%'),
  -- Null: an account without a role may only change its own record.
  role_id INTEGER REFERENCES roles (id),
  is_active INTEGER NOT NULL DEFAULT 1 CHECK (is_active IN (0, 1)),
  is_staff INTEGER NOT NULL DEFAULT 0 CHECK (is_staff IN (0, 1)),
  is_superuser INTEGER NOT NULL DEFAULT 0 CHECK (is_superuser IN (0, 1)),
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) CHECK (datetime(created_at) IS NOT NULL),
  updated_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) CHECK (datetime(updated_at) IS NOT NULL),
  last_login TEXT CHECK (last_login IS NULL OR datetime(last_login) IS NOT NULL)
) STRICT;

CREATE TABLE personas (
  id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 9007199254740991),
  -- Unique: an account has at most one persona. Null: a persona need not have an account.
  user_id INTEGER UNIQUE REFERENCES users (id) ON DELETE SET NULL,
  nombres TEXT NOT NULL CHECK (length(nombres) BETWEEN 1 AND 100),
  apellidos TEXT NOT NULL CHECK (length(apellidos) BETWEEN 1 AND 100),
  telefono TEXT CHECK (length(telefono) <= 40),
  dni TEXT NOT NULL UNIQUE CHECK (length(dni) BETWEEN 5 AND 20),
  foto_url TEXT CHECK (length(foto_url) BETWEEN 1 AND 2048),
  created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) CHECK (datetime(created_at) IS NOT NULL)
) STRICT;

-- The roles and permissions that the existing back ends ship with.
INSERT INTO roles (id, name, description) VALUES
  (1, 'admin', 'Can manage every account'),
  (2, 'editor', 'Can read and edit content'),
  (3, 'asistente', 'Can manage personas');

INSERT INTO permissions (id, nameUri) VALUES
  (1, 'PUT /api/v1/users/:id'),
  (2, 'PUT /api/personas/:id/foto'),
  (3, 'PUT /api/personas/me');

INSERT INTO permissionXRole (permissionId, roleId) VALUES (1, 1), (2, 1), (3, 1), (2, 3), (3, 3);
