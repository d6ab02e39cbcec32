-- By which tunnel an answer came, and where that came out when it was last verified.

ALTER TABLE attempts ADD COLUMN tunnel TEXT;
ALTER TABLE attempts ADD COLUMN exit TEXT;
ALTER TABLE attempts ADD COLUMN exit_region TEXT;
ALTER TABLE attempts ADD COLUMN exit_age REAL;
