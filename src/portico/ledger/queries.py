"""What is asked of the SQLite ledger. Every value is a parameter; only our own words are SQL."""

import sqlite3
from collections.abc import Sequence

from msgspec import convert

from portico.ledger.base import (
    MOST,
    AttemptRow,
    By,
    RequestQuery,
    RequestRow,
    UsageQuery,
    UsageRow,
)
from portico.ledger.prices import from_nano

REQUEST_COLUMNS = (
    "id, started, took, asked, role, decided_by, caller, task, operation, modalities,"
    " streamed, outcome, status, degraded, target, first_delta, simulated,"
    " person, team, chat, message"
)
ATTEMPT_COLUMNS = (
    "id, request, position, target, upstream, model, tier, egress, started, took, first_delta,"
    " outcome, kind, status, detail, input, cached, output, reasoning, cost_nano, simulated,"
    " tunnel, exit, exit_region, exit_age"
)


def _insert(table: str, columns: str) -> str:
    marks = ", ".join("?" for _ in columns.split(","))
    return f"INSERT INTO {table} ({columns}) VALUES ({marks}) ON CONFLICT (id) DO NOTHING"


INSERT_REQUEST = _insert("requests", REQUEST_COLUMNS)
INSERT_ATTEMPT = _insert("attempts", ATTEMPT_COLUMNS)

KEYS = {
    By.ROLE: "r.role",
    By.DAY: "date(r.started, 'unixepoch')",
    By.CALLER: "r.caller",
    By.PERSON: "r.person",
    By.TEAM: "r.team",
    By.TASK: "r.task",
    By.TARGET: "a.target",
    By.UPSTREAM: "a.upstream",
}
OF_ATTEMPTS = {By.TARGET, By.UPSTREAM}

SUMS = """
    count(DISTINCT r.id) AS requests,
    count(a.id) AS attempts,
    coalesce(sum(a.input) FILTER (WHERE a.simulated = 0), 0) AS input,
    coalesce(sum(a.cached) FILTER (WHERE a.simulated = 0), 0) AS cached,
    coalesce(sum(a.output) FILTER (WHERE a.simulated = 0), 0) AS output,
    coalesce(sum(a.reasoning) FILTER (WHERE a.simulated = 0), 0) AS reasoning,
    sum(a.cost_nano) FILTER (WHERE a.simulated = 0) AS cost_nano,
    count(a.id) FILTER (
        WHERE a.simulated = 0 AND a.cost_nano IS NULL AND a.outcome <> 'failed'
    ) AS unpriced,
    count(a.id) FILTER (WHERE a.simulated = 1) AS simulated,
    coalesce(sum(a.input) FILTER (WHERE a.simulated = 1), 0) AS simulated_input,
    coalesce(sum(a.output) FILTER (WHERE a.simulated = 1), 0) AS simulated_output
"""

CONDITIONS = {
    "role": "r.role = ?",
    "target": "r.target = ?",
    "outcome": "r.outcome = ?",
    "caller": "r.caller = ?",
    "task": "coalesce(r.task, '') = ?",
    "modality": "instr(',' || r.modalities || ',', ',' || ? || ',') > 0",
    "kind": "r.id IN (SELECT request FROM attempts WHERE kind = ?)",
    "degraded": "(r.degraded IS NOT NULL) = ?",
    "simulated": "r.simulated = ?",
    "person": "r.person = ?",
    "team": "r.team = ?",
    "chat": "r.chat = ?",
    "since": "r.started >= ?",
    "until": "r.started < ?",
    "before": "(r.started, r.id) < (SELECT started, id FROM requests WHERE id = ?)",
}


def usage(connection: sqlite3.Connection, query: UsageQuery) -> list[UsageRow]:
    """Return what LedgerStore.usage promises."""
    join = "JOIN" if query.by in OF_ATTEMPTS else "LEFT JOIN"
    order = "key" if query.by is By.DAY else "requests DESC, key"
    where, values = _where({"since": query.since, "until": query.until})
    found = connection.execute(
        f"SELECT {KEYS[query.by]} AS key, {SUMS}"
        f" FROM requests r {join} attempts a ON a.request = r.id"
        f" {where} GROUP BY 1 ORDER BY {order}",
        values,
    )
    return [_usage_row(_named(found, row)) for row in found]


def requests(connection: sqlite3.Connection, query: RequestQuery) -> list[RequestRow]:
    """Return what LedgerStore.requests promises."""
    where, values = _where({name: getattr(query, name) for name in CONDITIONS})
    limit = min(max(query.limit, 1), MOST)
    return _with_attempts(
        connection, f"{where} ORDER BY r.started DESC, r.id DESC LIMIT ?", (*values, limit)
    )


def request(connection: sqlite3.Connection, ident: str) -> RequestRow | None:
    """Return what LedgerStore.request promises."""
    found = _with_attempts(connection, "WHERE r.id = ?", (ident,))
    return found[0] if found else None


def _with_attempts(
    connection: sqlite3.Connection, rest: str, values: Sequence[object]
) -> list[RequestRow]:
    found = connection.execute(f"SELECT {REQUEST_COLUMNS} FROM requests r {rest}", values)
    rows = [_named(found, row) for row in found]
    attempts = _attempts(connection, [str(row["id"]) for row in rows])
    return [_request_row(row, attempts.get(str(row["id"]), ())) for row in rows]


def _attempts(
    connection: sqlite3.Connection, idents: list[str]
) -> dict[str, tuple[AttemptRow, ...]]:
    marks = ", ".join("?" for _ in idents)
    found = connection.execute(
        f"SELECT {ATTEMPT_COLUMNS} FROM attempts WHERE request IN ({marks})"
        " ORDER BY request, position",
        idents,
    )
    of: dict[str, tuple[AttemptRow, ...]] = {}
    for values in found:
        row = _named(found, values)
        ident = str(row.pop("request"))
        of[ident] = (*of.get(ident, ()), _attempt_row(row))
    return of


def _where(wanted: dict[str, object]) -> tuple[str, list[object]]:
    given = {name: value for name, value in wanted.items() if value is not None}
    conditions = " AND ".join(CONDITIONS[name] for name in given)
    return (f"WHERE {conditions}" if conditions else "", list(given.values()))


def _named(cursor: sqlite3.Cursor, values: tuple[object, ...]) -> dict[str, object]:
    return dict(zip((column[0] for column in cursor.description), values, strict=True))


def _usage_row(row: dict[str, object]) -> UsageRow:
    return convert({**row, "cost_usd": _usd(row["cost_nano"])}, UsageRow)


def _request_row(row: dict[str, object], attempts: tuple[AttemptRow, ...]) -> RequestRow:
    modalities = str(row["modalities"])
    typed: dict[str, object] = {
        "modalities": tuple(modalities.split(",")) if modalities else (),
        "streamed": bool(row["streamed"]),
        "simulated": bool(row["simulated"]),
        "attempts": attempts,
    }
    return convert({**row, **typed}, RequestRow)


def _attempt_row(row: dict[str, object]) -> AttemptRow:
    typed = {"simulated": bool(row["simulated"]), "cost_usd": _usd(row["cost_nano"])}
    return convert({**row, **typed}, AttemptRow)


def _usd(nano: object) -> str | None:
    return from_nano(nano) if isinstance(nano, int) else None
