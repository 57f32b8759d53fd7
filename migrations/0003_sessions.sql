-- A change of password ends the sessions before it: tokens that were issued earlier are refused, and so are those that do
-- not say when. Unix seconds, by the database's clock; null until the password is changed here.
ALTER TABLE users ADD COLUMN tokens_valid_after INTEGER CHECK (tokens_valid_after >= 0);
