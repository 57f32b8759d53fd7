-- The text that a client last wrote into a record to name its picture, if it names one of Perfil's pictures. While the
-- record still contains exactly this text, it only protects objects under the account's own prefix from removal.
-- Otherwise, any account could keep another account's picture alive by naming it. An upload, an import or an operator
-- writes another text, or resets this one, and the record then protects its object, whoever uploaded it.
ALTER TABLE users ADD COLUMN image_as_sent TEXT;
ALTER TABLE personas ADD COLUMN foto_as_sent TEXT;
