-- Rows of nobody are looked for by nobody: they need no place in these indices, which each cost some
-- time for each row.

DROP INDEX portico.requests_by_caller;
DROP INDEX portico.requests_by_person;
DROP INDEX portico.requests_by_team;
DROP INDEX portico.requests_by_chat;
CREATE INDEX requests_by_caller ON portico.requests (caller, started) WHERE caller IS NOT NULL;
CREATE INDEX requests_by_person ON portico.requests (person, started) WHERE person IS NOT NULL;
CREATE INDEX requests_by_team ON portico.requests (team, started) WHERE team IS NOT NULL;
CREATE INDEX requests_by_chat ON portico.requests (chat, started) WHERE chat IS NOT NULL;
