-- Whose request it was, and where in a front end it came from; NULL where nobody has said.

ALTER TABLE requests ADD COLUMN person TEXT;
ALTER TABLE requests ADD COLUMN team TEXT;
ALTER TABLE requests ADD COLUMN chat TEXT;
ALTER TABLE requests ADD COLUMN message TEXT;

CREATE INDEX requests_by_person ON requests (person, started);
CREATE INDEX requests_by_team ON requests (team, started);
CREATE INDEX requests_by_chat ON requests (chat, started);
