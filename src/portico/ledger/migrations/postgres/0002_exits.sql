-- By which tunnel an answer came, and where that came out when it was last verified.

ALTER TABLE portico.attempts ADD COLUMN tunnel text COLLATE "C";
ALTER TABLE portico.attempts ADD COLUMN exit text COLLATE "C";
ALTER TABLE portico.attempts ADD COLUMN exit_region text COLLATE "C";
ALTER TABLE portico.attempts ADD COLUMN exit_age double precision;
