-- What a client last wrote into a record as the text that names its picture, if it names one of ours. While the record
-- still holds that very text, it protects objects under the account's own prefix alone from being removed: otherwise
-- anybody could keep another account's picture alive by naming it. What an upload, an import or an operator writes is
-- another text, or resets this one, and protects its object whoever uploaded it.
ALTER TABLE users ADD COLUMN image_as_sent TEXT;
ALTER TABLE personas ADD COLUMN foto_as_sent TEXT;
