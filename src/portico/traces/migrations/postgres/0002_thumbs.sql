-- What somebody thought of an answer: up or down, when that was last said, and a word on why.

ALTER TABLE portico.traces ADD COLUMN thumb text;
ALTER TABLE portico.traces ADD COLUMN thumbed double precision;
ALTER TABLE portico.traces ADD COLUMN thumb_why text;

CREATE INDEX traces_thumb ON portico.traces (thumb, started) WHERE thumb IS NOT NULL;
