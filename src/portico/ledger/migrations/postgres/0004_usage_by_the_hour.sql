-- Usage, added up by the hour as rows come in: what a million rows come to is read from here.
-- A name is empty for nobody, and otherwise begins with an equals sign.

CREATE TABLE portico.usage_hours (
    dimension text COLLATE "C" NOT NULL,
    hour bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    requests bigint NOT NULL,
    attempts bigint NOT NULL,
    input bigint NOT NULL,
    cached bigint NOT NULL,
    output bigint NOT NULL,
    reasoning bigint NOT NULL,
    cost_nano bigint NOT NULL,
    priced bigint NOT NULL,
    unpriced bigint NOT NULL,
    simulated bigint NOT NULL,
    simulated_input bigint NOT NULL,
    simulated_output bigint NOT NULL,
    PRIMARY KEY (dimension, hour, name)
);

INSERT INTO portico.usage_hours
SELECT 'role', CAST(floor(r.started / 3600) AS bigint), coalesce('=' || r.role, ''),
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
FROM portico.requests r LEFT JOIN portico.attempts a ON a.request = r.id GROUP BY 1, 2, 3;

INSERT INTO portico.usage_hours
SELECT 'caller', CAST(floor(r.started / 3600) AS bigint), coalesce('=' || r.caller, ''),
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
FROM portico.requests r LEFT JOIN portico.attempts a ON a.request = r.id GROUP BY 1, 2, 3;

INSERT INTO portico.usage_hours
SELECT 'person', CAST(floor(r.started / 3600) AS bigint), coalesce('=' || r.person, ''),
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
FROM portico.requests r LEFT JOIN portico.attempts a ON a.request = r.id GROUP BY 1, 2, 3;

INSERT INTO portico.usage_hours
SELECT 'team', CAST(floor(r.started / 3600) AS bigint), coalesce('=' || r.team, ''),
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
FROM portico.requests r LEFT JOIN portico.attempts a ON a.request = r.id GROUP BY 1, 2, 3;

INSERT INTO portico.usage_hours
SELECT 'task', CAST(floor(r.started / 3600) AS bigint), coalesce('=' || r.task, ''),
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
FROM portico.requests r LEFT JOIN portico.attempts a ON a.request = r.id GROUP BY 1, 2, 3;

INSERT INTO portico.usage_hours
SELECT 'target', CAST(floor(r.started / 3600) AS bigint), coalesce('=' || a.target, ''),
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
FROM portico.requests r JOIN portico.attempts a ON a.request = r.id GROUP BY 1, 2, 3;

INSERT INTO portico.usage_hours
SELECT 'upstream', CAST(floor(r.started / 3600) AS bigint), coalesce('=' || a.upstream, ''),
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
FROM portico.requests r JOIN portico.attempts a ON a.request = r.id GROUP BY 1, 2, 3;
