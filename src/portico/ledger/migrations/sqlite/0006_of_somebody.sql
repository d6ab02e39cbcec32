-- Rows of nobody are looked for by nobody: they need no place in these indices, which each cost a
-- microsecond a row.

DROP INDEX requests_by_caller;
DROP INDEX requests_by_person;
DROP INDEX requests_by_team;
DROP INDEX requests_by_chat;
CREATE INDEX requests_by_caller ON requests (caller, started) WHERE caller IS NOT NULL;
CREATE INDEX requests_by_person ON requests (person, started) WHERE person IS NOT NULL;
CREATE INDEX requests_by_team ON requests (team, started) WHERE team IS NOT NULL;
CREATE INDEX requests_by_chat ON requests (chat, started) WHERE chat IS NOT NULL;
