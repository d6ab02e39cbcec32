-- Whose request it was, and where in a front end it came from; NULL where nobody has said.

ALTER TABLE portico.requests ADD COLUMN person text COLLATE "C";
ALTER TABLE portico.requests ADD COLUMN team text COLLATE "C";
ALTER TABLE portico.requests ADD COLUMN chat text COLLATE "C";
ALTER TABLE portico.requests ADD COLUMN message text COLLATE "C";

CREATE INDEX requests_by_person ON portico.requests (person, started);
CREATE INDEX requests_by_team ON portico.requests (team, started);
CREATE INDEX requests_by_chat ON portico.requests (chat, started);
