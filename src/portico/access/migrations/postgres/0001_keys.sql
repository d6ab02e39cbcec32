-- Keys as digests: what is here opens nothing.

CREATE TABLE portico.keys (
    id        text PRIMARY KEY,
    name      text NOT NULL,
    created   double precision NOT NULL,
    expires   double precision,
    revoked   double precision,
    last4     text NOT NULL,
    digest    bytea NOT NULL UNIQUE,
    sealed_by text NOT NULL
);
