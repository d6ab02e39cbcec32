-- Keys as digests: what is here opens nothing.

CREATE TABLE keys (
    id        TEXT PRIMARY KEY,
    name      TEXT NOT NULL,
    created   REAL NOT NULL,
    expires   REAL,
    revoked   REAL,
    last4     TEXT NOT NULL,
    digest    BLOB NOT NULL UNIQUE,
    sealed_by TEXT NOT NULL
);
