-- What somebody thought of an answer: up or down, when that was last said, and a word on why.

ALTER TABLE traces ADD COLUMN thumb TEXT;
ALTER TABLE traces ADD COLUMN thumbed REAL;
ALTER TABLE traces ADD COLUMN thumb_why TEXT;

CREATE INDEX traces_thumb ON traces (thumb, started) WHERE thumb IS NOT NULL;
