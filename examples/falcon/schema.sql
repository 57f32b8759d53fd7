-- Add this table to falcon's database. The last change that was applied to each account:
CREATE TABLE perfil_changes (
  account INT NOT NULL PRIMARY KEY,
  change_id BIGINT NOT NULL
);
