"""What is drawn: who answered how often, how long callers waited, what it took, span by span."""

from collections.abc import Iterable, Iterator
from typing import Any

from portico.ledger.base import STEPS, SeriesQuery, SeriesRow
from portico.ledger.columns import usd
from portico.ledger.sums import HOUR

_SPAN = "CAST([floor]((r.started - ?) / ?) AS INTEGER)"
_WITHIN = "r.started >= ? AND r.started < ?"


def _waits() -> Iterator[str]:
    """One count for each class of waits: bounds are our own numbers, never anybody's words."""
    below = 0.0
    for bound in (*STEPS, None):
        upper = "" if bound is None else f" AND r.first_delta < {bound}"
        yield (f"count(*) FILTER (WHERE r.simulated = 0 AND r.first_delta >= {below}{upper})")
        below = bound or below


REQUESTS = f"""
    SELECT {_SPAN} AS at, r.target AS target,
        count(*) FILTER (WHERE r.outcome = 'answered'),
        count(*) FILTER (WHERE r.outcome IN ('failed', 'broken')),
        count(*) FILTER (WHERE r.outcome IN ('refused', 'abandoned')),
        count(*) FILTER (WHERE r.simulated = 1),
        {", ".join(_waits())}
    FROM [requests] r WHERE {_WITHIN} GROUP BY 1, 2 ORDER BY 1, 2
"""

ATTEMPTS = f"""
    SELECT {_SPAN} AS at, a.target AS target,
        coalesce(sum(a.input), 0), coalesce(sum(a.output), 0), CAST(sum(a.cost_nano) AS bigint)
    FROM [requests] r JOIN [attempts] a ON a.request = r.id
    WHERE {_WITHIN} AND a.simulated = 0 GROUP BY 1, 2
"""

HOURS = """
    SELECT (hour - ?) / ? AS at, substr(name, 2) AS target,
        CAST(sum(input) AS bigint), CAST(sum(output) AS bigint),
        CASE WHEN sum(priced) > 0 THEN CAST(sum(cost_nano) AS bigint) END
    FROM [usage_hours] WHERE dimension = 'target' AND hour >= ? AND hour < ?
    GROUP BY 1, 2 HAVING sum(attempts) > sum(simulated)
"""
"""What ATTEMPTS finds, of spans that are whole hours: from their sums."""


def asked(
    query: SeriesQuery,
) -> tuple[tuple[str, tuple[float, ...]], tuple[str, tuple[float, ...]]]:
    """Return what to ask for: of requests, and of attempts."""
    until = query.since + query.step * query.count
    values = (query.since, query.step, query.since, until)
    if query.step % HOUR or query.since % HOUR:
        return (REQUESTS, values), (ATTEMPTS, values)
    first, step = int(query.since) // HOUR, int(query.step) // HOUR
    return (REQUESTS, values), (HOURS, (first, step, first, first + step * query.count))


def together(
    requests: Iterable[Iterable[Any]], attempts: Iterable[Iterable[Any]]
) -> list[SeriesRow]:
    """Return what LedgerStore.series promises, of what REQUESTS and ATTEMPTS have found."""
    used = {(at, target): rest for at, target, *rest in attempts}
    rows = []
    for at, target, answered, failed, others, simulated, *waits in requests:
        given, taken, nano = used.pop((at, target), (0, 0, None))
        rows.append(
            SeriesRow(
                at=at,
                target=target,
                answered=answered,
                failed=failed,
                others=others,
                simulated=simulated,
                waits=tuple(waits),
                input=given,
                output=taken,
                cost_usd=usd(nano),
            )
        )
    rows += [  # somebody was asked and another one answered
        SeriesRow(at=at, target=target, input=given, output=taken, cost_usd=usd(nano))
        for (at, target), (given, taken, nano) in used.items()
    ]
    return sorted(rows, key=lambda row: (row.at, row.target or ""))
