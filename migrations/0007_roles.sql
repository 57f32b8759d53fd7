-- Roles come from where accounts come from: an import brings them with their numbers, or an operator creates them. The
-- roles that the first migration created for everybody stay only where an account may have one. Their permissions go
-- with them; the permissions themselves stay.
DELETE FROM roles
WHERE (id, name) IN (VALUES (1, 'admin'), (2, 'editor'), (3, 'asistente'))
  AND NOT EXISTS (SELECT 1 FROM users)
  AND NOT EXISTS (SELECT 1 FROM imports WHERE kind = 'roles' AND target = roles.id);
