-- Failures are few: to find the requests that met one kind must not read every attempt.

CREATE INDEX attempts_by_kind ON attempts (kind, request) WHERE kind IS NOT NULL;
