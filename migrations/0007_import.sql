-- Roles come from where accounts come from: an import brings them with their numbers, or an operator creates them. The
-- roles that the first migration created for everybody stay only where an account may have one. Their permissions go
-- with them; the permissions themselves stay.
DELETE FROM roles
WHERE (id, name) IN (VALUES (1, 'admin'), (2, 'editor'), (3, 'asistente'))
  AND NOT EXISTS (SELECT 1 FROM users)
  AND NOT EXISTS (SELECT 1 FROM imports WHERE kind = 'roles' AND target = roles.id);

-- What became of an import, in the order in which a person reads it: how many records landed, what is to be done about
-- those that did not, what differs between Perfil and the source, and what else the import did.
CREATE VIEW import_report AS
SELECT source, part, record, what FROM (
  SELECT source, kind, 0 AS id, '1 landed' AS part, kind AS record, count(*) || '' AS what
  FROM imports WHERE base IS NOT NULL AND problem IS NULL AND kind <> 'schema' GROUP BY source, kind
  UNION ALL
  SELECT source, kind, id,
    CASE WHEN problem IS NOT NULL THEN '2 to do' WHEN base IS NOT NULL THEN '3 differs' ELSE '4 also done' END,
    kind || ' ' || id, coalesce(problem, differs)
  FROM imports WHERE coalesce(problem, differs) IS NOT NULL
) ORDER BY source, part, kind, id;
