CREATE TABLE IF NOT EXISTS traces (
    id TEXT PRIMARY KEY,
    started REAL NOT NULL,
    took REAL NOT NULL,
    asked TEXT NOT NULL,
    operation TEXT NOT NULL,
    outcome TEXT NOT NULL,
    status INTEGER,
    error TEXT,
    degraded TEXT,
    role TEXT,
    target TEXT,
    attempts INTEGER NOT NULL,
    simulated INTEGER NOT NULL,
    streamed INTEGER NOT NULL,
    modalities TEXT NOT NULL,
    task TEXT,
    caller TEXT,
    person TEXT,
    team TEXT,
    chat TEXT,
    message TEXT,
    capture TEXT NOT NULL,
    fidelity TEXT NOT NULL,
    life TEXT NOT NULL,
    expires REAL,
    flags TEXT NOT NULL,
    size INTEGER NOT NULL,
    story BLOB NOT NULL
) STRICT;

CREATE INDEX IF NOT EXISTS traces_started ON traces (started, id);
CREATE INDEX IF NOT EXISTS traces_expires ON traces (expires) WHERE expires IS NOT NULL;
CREATE INDEX IF NOT EXISTS traces_person ON traces (person, started) WHERE person IS NOT NULL;
CREATE INDEX IF NOT EXISTS traces_chat ON traces (chat, started) WHERE chat IS NOT NULL;
