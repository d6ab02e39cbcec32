"""What the console reads of tunnels."""

from collections.abc import Iterable, Iterator

from fastapi import APIRouter
from msgspec import Struct
from starlette.responses import Response

from portico.api.answers import JSON, Numbered, gated
from portico.api.deps import Here, Operator
from portico.egress.findings import Guarded
from portico.egress.status import PathStatus
from portico.telemetry.exits import GuardNow, PathNow, TunnelNow

router = APIRouter(prefix="/api", tags=["operator"], route_class=Numbered)

_USED = frozenset({"healthy", "suspect"})


class Egress(Struct, frozen=True):
    """
    The tunnelled paths in use, as this process sees them now.

    `boundary` is what the last look around found; null where nobody looks, or has yet.
    """

    paths: list[PathStatus]
    boundary: Guarded | None = None


@router.get("/egress", responses=gated(Egress))
async def get_egress(here: Here, caller: Operator) -> Response:
    """How the tunnels of each path do, where they come out, and what the last probes saw."""
    return JSON(Egress(list(here.paths()), here.guarded()))


def counted(paths: Iterable[PathStatus]) -> Iterator[PathNow]:
    """Give *paths* as `/metrics` tells them."""
    for path in paths:
        tunnels = tuple(
            TunnelNow(
                path.name,
                one.tunnel,
                one.state,
                one.state in _USED,
                one.answers,
                one.failures,
                one.exit.address if one.exit else "",
                one.exit.region if one.exit else "",
                one.exit_age,
            )
            for one in path.listeners
        )
        yield PathNow(path.name, path.up, path.connections, tunnels)


def looked(found: Guarded | None) -> GuardNow | None:
    """Give what was found around this process as `/metrics` tells it."""
    if found is None:
        return None
    held_back = [(one.where, one.packets) for one in found.findings if one.packets is not None]
    return GuardNow(found.leak_possible, found.age, tuple(held_back))
