-- Add these tables to seam's database. The last change that was applied to each account:
CREATE TABLE perfil_changes (
  account INT NOT NULL PRIMARY KEY,
  change_id BIGINT NOT NULL
);
-- The e-mails that notices.js has to send:
CREATE TABLE perfil_notices (
  id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
  address VARCHAR(255) NOT NULL,
  text VARCHAR(1000) NOT NULL
);
