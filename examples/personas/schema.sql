-- Add this table to personas' database. The last change that was applied to each persona:
CREATE TABLE perfil_changes (
  persona INTEGER PRIMARY KEY,
  change_id INTEGER NOT NULL
);
