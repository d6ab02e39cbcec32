-- What keys may, whose they are, and who changed what.

ALTER TABLE portico.keys ADD COLUMN admin boolean NOT NULL DEFAULT true;
ALTER TABLE portico.keys ADD COLUMN trusted boolean NOT NULL DEFAULT false;
ALTER TABLE portico.keys ADD COLUMN person text;
ALTER TABLE portico.keys ADD COLUMN team text;
ALTER TABLE portico.keys ADD COLUMN terms text NOT NULL DEFAULT '{}';
ALTER TABLE portico.keys ADD COLUMN overlap double precision;
ALTER TABLE portico.keys ADD COLUMN previous bytea;

CREATE TABLE portico.people (
    id      text PRIMARY KEY,
    name    text NOT NULL,
    team    text,
    created double precision NOT NULL,
    terms   text NOT NULL
);

CREATE TABLE portico.teams (
    id      text PRIMARY KEY,
    name    text NOT NULL,
    created double precision NOT NULL,
    terms   text NOT NULL
);

CREATE TABLE portico.deeds (
    number  bigint PRIMARY KEY,
    at      double precision NOT NULL,
    actor   text NOT NULL,
    what    text NOT NULL,
    about   text NOT NULL,
    was     text,
    became  text
);
