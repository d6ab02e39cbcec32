-- One row a request, one row an attempt. No bodies. Costs are whole nano-dollars, NULL if unknown.

CREATE TABLE portico.requests (
    id          text COLLATE "C" PRIMARY KEY,
    started     double precision NOT NULL,
    took        double precision NOT NULL,
    asked       text COLLATE "C" NOT NULL,
    role        text COLLATE "C",
    decided_by  text COLLATE "C" NOT NULL,
    caller      text COLLATE "C",
    task        text COLLATE "C",
    operation   text COLLATE "C" NOT NULL,
    modalities  text COLLATE "C" NOT NULL,
    streamed    integer NOT NULL,
    outcome     text COLLATE "C" NOT NULL,
    status      integer,
    degraded    text COLLATE "C",
    target      text COLLATE "C",
    first_delta double precision,
    simulated   integer NOT NULL
);

CREATE TABLE portico.attempts (
    id          text COLLATE "C" PRIMARY KEY,
    request     text COLLATE "C" NOT NULL REFERENCES portico.requests (id) ON DELETE CASCADE,
    position    integer NOT NULL,
    target      text COLLATE "C" NOT NULL,
    upstream    text COLLATE "C" NOT NULL,
    model       text COLLATE "C" NOT NULL,
    tier        integer NOT NULL,
    egress      text COLLATE "C" NOT NULL,
    started     double precision NOT NULL,
    took        double precision NOT NULL,
    first_delta double precision,
    outcome     text COLLATE "C" NOT NULL,
    kind        text COLLATE "C",
    status      integer,
    detail      text COLLATE "C" NOT NULL,
    input       integer,
    cached      integer,
    output      integer,
    reasoning   integer,
    cost_nano   bigint,
    simulated   integer NOT NULL
);

CREATE INDEX requests_by_time ON portico.requests (started, id);
CREATE INDEX requests_by_role ON portico.requests (role, started);
CREATE INDEX requests_by_target ON portico.requests (target, started);
CREATE INDEX requests_by_caller ON portico.requests (caller, started);
CREATE INDEX attempts_by_request ON portico.attempts (request, position);
