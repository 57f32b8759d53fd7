-- A change of password ends all earlier sessions: tokens that were issued before it are refused, and so are tokens
-- without a time of issue. In Unix seconds, by the database's clock. Null until the password is changed in Perfil.
ALTER TABLE users ADD COLUMN tokens_valid_after INTEGER CHECK (tokens_valid_after >= 0);
