-- Usage, added up by the hour as rows come in: what a million rows come to is read from here.
-- A name is empty for nobody, and otherwise begins with an equals sign.

CREATE TABLE usage_hours (
    dimension TEXT NOT NULL,
    hour INTEGER NOT NULL,
    name TEXT NOT NULL,
    requests INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    input INTEGER NOT NULL,
    cached INTEGER NOT NULL,
    output INTEGER NOT NULL,
    reasoning INTEGER NOT NULL,
    cost_nano INTEGER NOT NULL,
    priced INTEGER NOT NULL,
    unpriced INTEGER NOT NULL,
    simulated INTEGER NOT NULL,
    simulated_input INTEGER NOT NULL,
    simulated_output INTEGER NOT NULL,
    PRIMARY KEY (dimension, hour, name)
) WITHOUT ROWID;

INSERT INTO usage_hours
SELECT 'role', CAST(r.started / 3600 AS INTEGER), coalesce('=' || r.role, ''),
    count(DISTINCT r.id),
    count(a.id),
    coalesce(sum(a.input) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.cached) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.output) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.reasoning) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.cost_nano) FILTER (WHERE a.simulated = 0), 0),
    count(a.cost_nano) FILTER (WHERE a.simulated = 0),
    count(a.id) FILTER (
        WHERE a.simulated = 0 AND a.cost_nano IS NULL AND a.outcome <> 'failed'
    ),
    count(a.id) FILTER (WHERE a.simulated = 1),
    coalesce(sum(a.input) FILTER (WHERE a.simulated = 1), 0),
    coalesce(sum(a.output) FILTER (WHERE a.simulated = 1), 0)
FROM requests r LEFT JOIN attempts a ON a.request = r.id GROUP BY 1, 2, 3;

INSERT INTO usage_hours
SELECT 'caller', CAST(r.started / 3600 AS INTEGER), coalesce('=' || r.caller, ''),
    count(DISTINCT r.id),
    count(a.id),
    coalesce(sum(a.input) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.cached) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.output) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.reasoning) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.cost_nano) FILTER (WHERE a.simulated = 0), 0),
    count(a.cost_nano) FILTER (WHERE a.simulated = 0),
    count(a.id) FILTER (
        WHERE a.simulated = 0 AND a.cost_nano IS NULL AND a.outcome <> 'failed'
    ),
    count(a.id) FILTER (WHERE a.simulated = 1),
    coalesce(sum(a.input) FILTER (WHERE a.simulated = 1), 0),
    coalesce(sum(a.output) FILTER (WHERE a.simulated = 1), 0)
FROM requests r LEFT JOIN attempts a ON a.request = r.id GROUP BY 1, 2, 3;

INSERT INTO usage_hours
SELECT 'person', CAST(r.started / 3600 AS INTEGER), coalesce('=' || r.person, ''),
    count(DISTINCT r.id),
    count(a.id),
    coalesce(sum(a.input) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.cached) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.output) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.reasoning) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.cost_nano) FILTER (WHERE a.simulated = 0), 0),
    count(a.cost_nano) FILTER (WHERE a.simulated = 0),
    count(a.id) FILTER (
        WHERE a.simulated = 0 AND a.cost_nano IS NULL AND a.outcome <> 'failed'
    ),
    count(a.id) FILTER (WHERE a.simulated = 1),
    coalesce(sum(a.input) FILTER (WHERE a.simulated = 1), 0),
    coalesce(sum(a.output) FILTER (WHERE a.simulated = 1), 0)
FROM requests r LEFT JOIN attempts a ON a.request = r.id GROUP BY 1, 2, 3;

INSERT INTO usage_hours
SELECT 'team', CAST(r.started / 3600 AS INTEGER), coalesce('=' || r.team, ''),
    count(DISTINCT r.id),
    count(a.id),
    coalesce(sum(a.input) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.cached) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.output) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.reasoning) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.cost_nano) FILTER (WHERE a.simulated = 0), 0),
    count(a.cost_nano) FILTER (WHERE a.simulated = 0),
    count(a.id) FILTER (
        WHERE a.simulated = 0 AND a.cost_nano IS NULL AND a.outcome <> 'failed'
    ),
    count(a.id) FILTER (WHERE a.simulated = 1),
    coalesce(sum(a.input) FILTER (WHERE a.simulated = 1), 0),
    coalesce(sum(a.output) FILTER (WHERE a.simulated = 1), 0)
FROM requests r LEFT JOIN attempts a ON a.request = r.id GROUP BY 1, 2, 3;

INSERT INTO usage_hours
SELECT 'task', CAST(r.started / 3600 AS INTEGER), coalesce('=' || r.task, ''),
    count(DISTINCT r.id),
    count(a.id),
    coalesce(sum(a.input) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.cached) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.output) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.reasoning) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.cost_nano) FILTER (WHERE a.simulated = 0), 0),
    count(a.cost_nano) FILTER (WHERE a.simulated = 0),
    count(a.id) FILTER (
        WHERE a.simulated = 0 AND a.cost_nano IS NULL AND a.outcome <> 'failed'
    ),
    count(a.id) FILTER (WHERE a.simulated = 1),
    coalesce(sum(a.input) FILTER (WHERE a.simulated = 1), 0),
    coalesce(sum(a.output) FILTER (WHERE a.simulated = 1), 0)
FROM requests r LEFT JOIN attempts a ON a.request = r.id GROUP BY 1, 2, 3;

INSERT INTO usage_hours
SELECT 'target', CAST(r.started / 3600 AS INTEGER), coalesce('=' || a.target, ''),
    count(DISTINCT r.id),
    count(a.id),
    coalesce(sum(a.input) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.cached) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.output) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.reasoning) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.cost_nano) FILTER (WHERE a.simulated = 0), 0),
    count(a.cost_nano) FILTER (WHERE a.simulated = 0),
    count(a.id) FILTER (
        WHERE a.simulated = 0 AND a.cost_nano IS NULL AND a.outcome <> 'failed'
    ),
    count(a.id) FILTER (WHERE a.simulated = 1),
    coalesce(sum(a.input) FILTER (WHERE a.simulated = 1), 0),
    coalesce(sum(a.output) FILTER (WHERE a.simulated = 1), 0)
FROM requests r JOIN attempts a ON a.request = r.id GROUP BY 1, 2, 3;

INSERT INTO usage_hours
SELECT 'upstream', CAST(r.started / 3600 AS INTEGER), coalesce('=' || a.upstream, ''),
    count(DISTINCT r.id),
    count(a.id),
    coalesce(sum(a.input) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.cached) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.output) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.reasoning) FILTER (WHERE a.simulated = 0), 0),
    coalesce(sum(a.cost_nano) FILTER (WHERE a.simulated = 0), 0),
    count(a.cost_nano) FILTER (WHERE a.simulated = 0),
    count(a.id) FILTER (
        WHERE a.simulated = 0 AND a.cost_nano IS NULL AND a.outcome <> 'failed'
    ),
    count(a.id) FILTER (WHERE a.simulated = 1),
    coalesce(sum(a.input) FILTER (WHERE a.simulated = 1), 0),
    coalesce(sum(a.output) FILTER (WHERE a.simulated = 1), 0)
FROM requests r JOIN attempts a ON a.request = r.id GROUP BY 1, 2, 3;
