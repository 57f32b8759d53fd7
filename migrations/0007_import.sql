-- Roles come from the same source as accounts: an import brings them with their IDs, or an operator creates them. The
-- roles that the first migration created in every database stay only if an account may have one of them. Their links to
-- permissions are removed with them. The permissions themselves stay.
DELETE FROM roles
WHERE (id, name) IN (VALUES (1, 'admin'), (2, 'editor'), (3, 'asistente'))
  AND NOT EXISTS (SELECT 1 FROM users)
  AND NOT EXISTS (SELECT 1 FROM imports WHERE kind = 'roles' AND target = roles.id);

-- The report of an import, in the order in which a person reads it: how many records were imported, what to do about
-- those that were not, what differs between Perfil and the source, and what else the import did.
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
