"""The ledger's columns, the same in every database, and rows to values and back. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import convert

from portico.ledger.base import AttemptRow, RequestRow
from portico.ledger.prices import from_nano, to_nano

REQUEST: Mapping[str, str] = {
    **dict.fromkeys(("id", "asked", "role", "decided_by", "caller", "task", "operation"), "text"),
    **dict.fromkeys(("modalities", "outcome", "degraded", "target"), "text"),
    **dict.fromkeys(("person", "team", "chat", "message"), "text"),
    **dict.fromkeys(("started", "took", "first_delta"), "float8"),
    **dict.fromkeys(("streamed", "status", "simulated"), "int4"),
}
"""Columns of `requests`, with their types in Postgres."""

ATTEMPT: Mapping[str, str] = {
    **dict.fromkeys(("id", "request", "target", "upstream", "model", "egress"), "text"),
    **dict.fromkeys(("outcome", "kind", "detail", "tunnel", "exit", "exit_region"), "text"),
    **dict.fromkeys(("started", "took", "first_delta", "exit_age"), "float8"),
    **dict.fromkeys(("position", "tier", "status", "simulated"), "int4"),
    **dict.fromkeys(("input", "cached", "output", "reasoning"), "int4"),
    "cost_nano": "int8",
}
"""Columns of `attempts`, with their types in Postgres. Costs are whole nano-dollars."""


def request_values(row: RequestRow) -> tuple[object, ...]:
    """Return the values of REQUEST for *row*."""
    told = {
        "modalities": ",".join(row.modalities),
        "streamed": int(row.streamed),
        "simulated": int(row.simulated),
    }
    return tuple(told[name] if name in told else getattr(row, name) for name in REQUEST)


def attempt_values(row: RequestRow) -> Iterator[tuple[object, ...]]:
    """Yield the values of ATTEMPT for each attempt of *row*."""
    for position, one in enumerate(row.attempts):
        told = {
            "request": row.id,
            "position": position,
            "simulated": int(one.simulated),
            "cost_nano": None if one.cost_usd is None else to_nano(one.cost_usd),
        }
        yield tuple(told[name] if name in told else getattr(one, name) for name in ATTEMPT)


def together(
    requests: Sequence[Mapping[str, object]], attempts: Sequence[Mapping[str, object]]
) -> list[RequestRow]:
    """Return *requests* as rows, each with its *attempts*, which come in the order of asking."""
    of: dict[object, list[AttemptRow]] = {}
    for one in attempts:
        of.setdefault(one["request"], []).append(_attempt_row(one))
    return [_request_row(one, tuple(of.get(one["id"], ()))) for one in requests]


def usd(nano: int | None) -> str | None:
    """Return nano-dollars as a decimal, None for None."""
    return None if nano is None else from_nano(nano)


def _request_row(values: Mapping[str, object], attempts: tuple[AttemptRow, ...]) -> RequestRow:
    modalities = str(values["modalities"])
    typed: dict[str, object] = {
        "modalities": tuple(modalities.split(",")) if modalities else (),
        "streamed": bool(values["streamed"]),
        "simulated": bool(values["simulated"]),
        "attempts": attempts,
    }
    return convert({**values, **typed}, RequestRow)


def _attempt_row(values: Mapping[str, object]) -> AttemptRow:
    nano = values["cost_nano"]
    typed = {
        "simulated": bool(values["simulated"]),
        "cost_usd": usd(nano if isinstance(nano, int) else None),
    }
    return convert({**values, **typed}, AttemptRow)
