-- What is kept, who may see it, what models were shown of it, and the blobs behind it.

CREATE TABLE artifacts (
    id       TEXT PRIMARY KEY,
    owner    TEXT,
    raw      TEXT NOT NULL,
    key      TEXT NOT NULL,
    kind     TEXT NOT NULL,
    size     INTEGER NOT NULL,
    width    INTEGER NOT NULL,
    height   INTEGER NOT NULL,
    pixels   TEXT,
    name     TEXT NOT NULL,
    created  REAL NOT NULL,
    bare     INTEGER NOT NULL,
    uploaded INTEGER NOT NULL
);

CREATE TABLE grants (
    artifact TEXT NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    caller   TEXT NOT NULL,
    PRIMARY KEY (artifact, caller)
) WITHOUT ROWID;

CREATE TABLE uses (
    request  TEXT NOT NULL,
    place    TEXT NOT NULL,
    target   TEXT NOT NULL,
    number   INTEGER NOT NULL,
    artifact TEXT NOT NULL REFERENCES artifacts (id) ON DELETE CASCADE,
    seen     REAL NOT NULL,
    part     TEXT NOT NULL,
    sheet    INTEGER NOT NULL,
    width    INTEGER NOT NULL,
    height   INTEGER NOT NULL,
    mime     TEXT NOT NULL,
    recipe   TEXT NOT NULL,
    derived  TEXT NOT NULL,
    PRIMARY KEY (request, place, target, number)
) WITHOUT ROWID;

CREATE TABLE blobs (
    key       TEXT PRIMARY KEY,
    stored    INTEGER NOT NULL,
    claimed   REAL NOT NULL,
    condemned REAL
) WITHOUT ROWID;

CREATE INDEX artifacts_by_raw ON artifacts (raw, owner);
CREATE INDEX artifacts_by_pixels ON artifacts (pixels, owner) WHERE bare;
CREATE INDEX artifacts_by_key ON artifacts (key);
CREATE INDEX carried_by_time ON artifacts (created) WHERE NOT uploaded;
CREATE INDEX uses_by_artifact ON uses (artifact, seen);
CREATE INDEX uses_by_derived ON uses (derived, seen);
CREATE INDEX uses_by_time ON uses (seen);
