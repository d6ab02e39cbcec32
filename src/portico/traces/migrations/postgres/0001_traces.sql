CREATE TABLE portico.traces (
    id text COLLATE "C" PRIMARY KEY,
    started double precision NOT NULL,
    took double precision NOT NULL,
    asked text NOT NULL,
    operation text NOT NULL,
    outcome text NOT NULL,
    status integer,
    error text,
    degraded text,
    role text,
    target text,
    attempts integer NOT NULL,
    simulated boolean NOT NULL,
    streamed boolean NOT NULL,
    modalities text[] NOT NULL,
    task text,
    caller text,
    person text,
    team text,
    chat text,
    message text,
    capture text NOT NULL,
    fidelity text NOT NULL,
    life text NOT NULL,
    expires double precision,
    flags text[] NOT NULL,
    size bigint NOT NULL,
    story text NOT NULL
);

CREATE INDEX traces_started ON portico.traces (started, id);
CREATE INDEX traces_expires ON portico.traces (expires) WHERE expires IS NOT NULL;
CREATE INDEX traces_person ON portico.traces (person, started) WHERE person IS NOT NULL;
CREATE INDEX traces_chat ON portico.traces (chat, started) WHERE chat IS NOT NULL;
