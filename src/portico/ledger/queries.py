"""What is asked of a ledger's database. Every value is a parameter; only our own words are SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from portico.ledger.base import MOST, By, RequestQuery
from portico.ledger.columns import ATTEMPT, REQUEST
from portico.ledger.sums import NAMES, Window

type Statement = tuple[str, Sequence[object]]
"""SQL with a `?` for each of its values."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What databases write differently; statements are written as SQLite has them."""

    schema: str = ""
    floor: str = ""
    position: str = "instr"
    numbered: bool = False

    def __call__(self, statement: Statement) -> Statement:
        """Return *statement* in this dialect."""
        sql, values = statement
        for table in ("requests", "attempts", "usage_hours"):
            sql = sql.replace(f"[{table}]", f"{self.schema}{table}")
        sql = sql.replace("[floor]", self.floor).replace("[position]", self.position)
        if self.numbered:
            numbers = count(1)
            first, *rest = sql.split("?")
            sql = first + "".join(f"${next(numbers)}{part}" for part in rest)
        return sql, values


SQLITE = Dialect()
POSTGRES = Dialect("portico.", "floor", "strpos", numbered=True)

# Of the columns that have an index as they stand SQLite would read a whole index to have them in
# order, and not the piece of an hour that is asked for.
KEYS = {
    By.ROLE: "r.role || ''",
    By.DAY: "NULL",  # a piece of an hour is of one day, and who asks knows which
    By.CALLER: "r.caller || ''",
    By.PERSON: "r.person || ''",
    By.TEAM: "r.team || ''",
    By.TASK: "r.task",
    By.TARGET: "a.target",
    By.UPSTREAM: "a.upstream",
}
OF_ATTEMPTS = {By.TARGET, By.UPSTREAM}

_REAL = "FILTER (WHERE a.simulated = 0)"
_PLAYED = "FILTER (WHERE a.simulated = 1)"
SUMS: Mapping[str, str] = {
    "requests": "count(DISTINCT r.id)",
    "attempts": "count(a.id)",
    **{name: f"sum(a.{name}) {_REAL}" for name in ("input", "cached", "output", "reasoning")},
    "cost_nano": f"CAST(sum(a.cost_nano) {_REAL} AS bigint)",
    "priced": f"count(a.cost_nano) {_REAL}",
    "unpriced": "count(a.id) FILTER"
    " (WHERE a.simulated = 0 AND a.cost_nano IS NULL AND a.outcome <> 'failed')",
    "simulated": f"count(a.id) {_PLAYED}",
    "simulated_input": f"sum(a.input) {_PLAYED}",
    "simulated_output": f"sum(a.output) {_PLAYED}",
}
assert tuple(SUMS) == NAMES

CONDITIONS = {
    "role": "r.role = ?",
    "target": "r.target = ?",
    "outcome": "r.outcome = ?",
    "caller": "r.caller = ?",
    "task": "coalesce(r.task, '') = ?",
    "modality": "[position](',' || r.modalities || ',', ',' || ? || ',') > 0",
    "kind": "r.id IN (SELECT request FROM [attempts] WHERE kind = ?)",
    "degraded": "(CASE WHEN r.degraded IS NULL THEN 0 ELSE 1 END) = ?",
    "simulated": "r.simulated = ?",
    "person": "r.person = ?",
    "team": "r.team = ?",
    "chat": "r.chat = ?",
    "source": "CASE"
    " WHEN r.outcome = 'answered' OR (r.outcome = 'refused' AND coalesce(r.status, 0) < 400)"
    " THEN NULL WHEN r.outcome = 'abandoned' THEN 'client'"
    " WHEN r.status = 503 OR (r.outcome = 'refused' AND r.status >= 500"
    " AND r.status NOT IN (502, 504)) THEN 'gateway'"
    " WHEN r.outcome <> 'refused' OR r.status >= 500 OR (r.status = 429 AND r.role IS NOT NULL)"
    " THEN 'upstream' ELSE 'client' END = ?",
    "since": "r.started >= ?",
    "until": "r.started < ?",
    "before": "(r.started, r.id) < (SELECT started, id FROM [requests] WHERE id = ?)",
}


def listing(query: RequestQuery) -> Statement:
    """Return the requests of *query*, newest first."""
    where, values = _where({name: getattr(query, name) for name in CONDITIONS})
    if query.among is not None:
        marks = ", ".join("?" for _ in query.among) or "NULL"
        where = f"{where} AND r.id IN ({marks})" if where else f"WHERE r.id IN ({marks})"
        values += query.among
    limit = min(max(query.limit, 1), MOST)
    order = "ORDER BY r.started DESC, r.id DESC LIMIT ?"
    return f"{_requests()} {where} {order}", (*values, limit)


def one(ident: str) -> Statement:
    """Return the request of that id."""
    return f"{_requests()} WHERE r.id = ?", (ident,)


def attempts_of(idents: Sequence[str]) -> Statement:
    """Return the attempts of these requests, in the order of asking."""
    marks = ", ".join("?" for _ in idents) or "NULL"
    columns = ", ".join(ATTEMPT)
    where = f"WHERE request IN ({marks}) ORDER BY request, position"
    return f"SELECT {columns} FROM [attempts] {where}", tuple(idents)


def edge(by: By, since: float, until: float) -> Statement:
    """Return a key and the SUMS of each, over the rows of a piece of an hour."""
    join = "JOIN" if by in OF_ATTEMPTS else "LEFT JOIN"
    sums = ", ".join(f"coalesce({SUMS[name]}, 0)" for name in NAMES)
    where, values = _where({"since": since, "until": until})
    tables = f"[requests] r {join} [attempts] a ON a.request = r.id"
    group = "HAVING count(*) > 0" if by is By.DAY else "GROUP BY 1"
    return f"SELECT {KEYS[by]}, {sums} FROM {tables} {where} {group}", values


def hours(by: By, window: Window) -> Statement:
    """Return a name (for days: the day since 1970) and the sums of each, over whole hours."""
    given = {"hour >= ?": window.first, "hour < ?": window.end}
    parts = {part: value for part, value in given.items() if value is not None}
    where = " AND ".join(("dimension = ?", *parts))
    what = "hour / 24" if by is By.DAY else "name"
    sums = ", ".join(f"CAST(sum({name}) AS bigint)" for name in NAMES)
    kept = By.ROLE if by is By.DAY else by
    sql = f"SELECT {what}, {sums} FROM [usage_hours] WHERE {where} GROUP BY 1"
    return sql, (kept.value, *parts.values())


def add_hour() -> str:
    """Add to one cell: its dimension, hour and name, and what NAMES are to grow by."""
    marks = ", ".join("?" for _ in range(3 + len(NAMES)))
    grow = ", ".join(f"{name} = u.{name} + excluded.{name}" for name in NAMES)
    return (
        f"INSERT INTO [usage_hours] AS u (dimension, hour, name, {', '.join(NAMES)})"
        f" VALUES ({marks}) ON CONFLICT (dimension, hour, name) DO UPDATE SET {grow}"
    )


def _requests() -> str:
    return f"SELECT {', '.join(REQUEST)} FROM [requests] r"


def _where(wanted: Mapping[str, object]) -> tuple[str, list[object]]:
    given = {name: value for name, value in wanted.items() if value is not None}
    conditions = " AND ".join(CONDITIONS[name] for name in given)
    values = [int(one) if isinstance(one, bool) else one for one in given.values()]
    return (f"WHERE {conditions}" if conditions else "", values)
