"""The ledger's columns, the same in every database, and rows to values and back. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from operator import attrgetter

from msgspec import convert

from portico.ledger.base import AttemptRow, RequestRow
from portico.ledger.prices import from_nano, to_nano

REQUEST: Mapping[str, str] = {
    **dict.fromkeys(("modalities",), "text"),
    **dict.fromkeys(("streamed", "simulated"), "int4"),
    **dict.fromkeys(("id", "asked", "role", "decided_by", "caller", "task", "operation"), "text"),
    **dict.fromkeys(("outcome", "degraded", "target"), "text"),
    **dict.fromkeys(("person", "team", "chat", "message"), "text"),
    **dict.fromkeys(("started", "took", "first_delta"), "float8"),
    **dict.fromkeys(("status",), "int4"),
}
"""Columns of `requests`, with their types in Postgres; those that are made come first."""

ATTEMPT: Mapping[str, str] = {
    **dict.fromkeys(("request",), "text"),
    **dict.fromkeys(("position", "simulated"), "int4"),
    **dict.fromkeys(("cost_nano",), "int8"),
    **dict.fromkeys(("id", "target", "upstream", "model", "egress"), "text"),
    **dict.fromkeys(("outcome", "kind", "detail", "tunnel", "exit", "exit_region"), "text"),
    **dict.fromkeys(("started", "took", "first_delta", "exit_age"), "float8"),
    **dict.fromkeys(("tier", "status"), "int4"),
    **dict.fromkeys(("input", "cached", "output", "reasoning"), "int4"),
}
"""Columns of `attempts`, the same way. Costs are whole nano-dollars."""

_of_request = attrgetter(*tuple(REQUEST)[3:])
_of_attempt = attrgetter(*tuple(ATTEMPT)[4:])


def request_values(row: RequestRow) -> tuple[object, ...]:
    """Return the values of REQUEST for *row*."""
    made = (",".join(row.modalities), int(row.streamed), int(row.simulated))
    return made + _of_request(row)


def attempt_values(row: RequestRow) -> Iterator[tuple[object, ...]]:
    """Yield the values of ATTEMPT for each attempt of *row*."""
    for position, one in enumerate(row.attempts):
        nano = None if one.cost_usd is None else to_nano(one.cost_usd)
        yield (row.id, position, int(one.simulated), nano, *_of_attempt(one))


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
