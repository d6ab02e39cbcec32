-- What keys may, whose they are, and who changed what.
-- Keys that were made before could do what an operator does, and go on doing so.

ALTER TABLE keys ADD COLUMN admin INTEGER NOT NULL DEFAULT 1;
ALTER TABLE keys ADD COLUMN trusted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE keys ADD COLUMN person TEXT;
ALTER TABLE keys ADD COLUMN team TEXT;
ALTER TABLE keys ADD COLUMN terms TEXT NOT NULL DEFAULT '{}';
ALTER TABLE keys ADD COLUMN overlap REAL;
ALTER TABLE keys ADD COLUMN previous BLOB;

CREATE TABLE people (
    id      TEXT PRIMARY KEY,
    name    TEXT NOT NULL,
    team    TEXT,
    created REAL NOT NULL,
    terms   TEXT NOT NULL
);

CREATE TABLE teams (
    id      TEXT PRIMARY KEY,
    name    TEXT NOT NULL,
    created REAL NOT NULL,
    terms   TEXT NOT NULL
);

CREATE TABLE deeds (
    number  INTEGER PRIMARY KEY,
    at      REAL NOT NULL,
    actor   TEXT NOT NULL,
    what    TEXT NOT NULL,
    about   TEXT NOT NULL,
    was     TEXT,
    became  TEXT
);
