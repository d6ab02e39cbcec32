-- One row a request, one row an attempt. No bodies. Costs are whole nano-dollars, NULL if unknown.

CREATE TABLE requests (
    id          TEXT PRIMARY KEY,
    started     REAL NOT NULL,
    took        REAL NOT NULL,
    asked       TEXT NOT NULL,
    role        TEXT,
    decided_by  TEXT NOT NULL,
    caller      TEXT,
    task        TEXT,
    operation   TEXT NOT NULL,
    modalities  TEXT NOT NULL,
    streamed    INTEGER NOT NULL,
    outcome     TEXT NOT NULL,
    status      INTEGER,
    degraded    TEXT,
    target      TEXT,
    first_delta REAL,
    simulated   INTEGER NOT NULL
);

CREATE TABLE attempts (
    id          TEXT PRIMARY KEY,
    request     TEXT NOT NULL REFERENCES requests (id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    target      TEXT NOT NULL,
    upstream    TEXT NOT NULL,
    model       TEXT NOT NULL,
    tier        INTEGER NOT NULL,
    egress      TEXT NOT NULL,
    started     REAL NOT NULL,
    took        REAL NOT NULL,
    first_delta REAL,
    outcome     TEXT NOT NULL,
    kind        TEXT,
    status      INTEGER,
    detail      TEXT NOT NULL,
    input       INTEGER,
    cached      INTEGER,
    output      INTEGER,
    reasoning   INTEGER,
    cost_nano   INTEGER,
    simulated   INTEGER NOT NULL
);

CREATE INDEX requests_by_time ON requests (started, id);
CREATE INDEX requests_by_role ON requests (role, started);
CREATE INDEX requests_by_target ON requests (target, started);
CREATE INDEX requests_by_caller ON requests (caller, started);
CREATE INDEX attempts_by_request ON attempts (request, position);
