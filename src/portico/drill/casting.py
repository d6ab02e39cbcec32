"""Who plays in a scene, and what it can come to with them. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from portico.drill.base import Ask, By, Cast, Got, Order, Part, Scene, Way
from portico.routing.roles import Catalog
from portico.simulator.faults import FAULTS

ANSWER = frozenset({Got.ANSWER})
PERHAPS = frozenset({Got.ANSWER, Got.ERROR})


def casts(catalog: Catalog, stages: Mapping[str, str]) -> Iterator[Cast]:
    """Give every role of *catalog* as a cast, then every target alone; *stages* by upstream."""
    parts = {
        name: Part(target, stages[target.upstream]) for name, target in catalog.targets.items()
    }
    for role in catalog.roles.values():
        yield Cast(
            role.name,
            tuple(parts[name] for name in role.targets[: role.max_attempts]),
            rescues=role.rescue == "continue",
            refusal_stops=role.refused == "stop",
            hedges=role.hedge_after is not None,
        )
    for name, part in parts.items():
        yield Cast(name, (part,))


def choose(scene: Scene, offered: Sequence[Cast]) -> tuple[Cast, Order | None] | None:
    """
    Return who plays *scene* and which of its orders, or None if nobody can have the fault.

    The first of *offered* among those with whom an answer is possible, and who are preferred.
    """
    found = [
        (cast, order)
        for order in scene.orders or (None,)
        for cast in offered
        if order is None or _can(scene, cast, order)
    ]

    def fitness(one: tuple[Cast, Order | None]) -> tuple[bool, bool, bool]:
        cast = one[0]
        preferred = not scene.prefers or cast.primary.stage in scene.prefers
        return possible(scene.way, cast), preferred, len(cast.parts) > 1

    return max(found, key=fitness, default=None)


def _can(scene: Scene, cast: Cast, order: Order) -> bool:
    parts = cast.parts if scene.everybody else cast.parts[:1]
    return all(part.stage in FAULTS[order.fault] for part in parts)


def possible(way: Way, cast: Cast) -> bool:
    """Say whether an answer is to be had that way."""
    first, others = cast.primary.target, [part.target for part in cast.parts[1:]]
    match way:
        case Way.CLEAR:
            return True
        case Way.FAILOVER:
            return bool(others)
        case Way.ELSEWHERE:
            return any(other.upstream != first.upstream for other in others)
        case Way.LARGER:
            return any(other.context_window > first.context_window for other in others)
        case Way.RESCUE:
            return bool(others) and cast.rescues
        case Way.POLICY:
            return bool(others) and not cast.refusal_stops
        case Way.RULED | Way.NONE:
            return False


def wanted(scene: Scene, ask: Ask, cast: Cast) -> frozenset[Got]:
    """Return what *ask* may come to: an answer wherever one is possible, and else perhaps."""
    if ask.mended:
        # Who rests after the first failure is asked again only when it is time to.
        quick = any(part.target.breaker.failures == 1 for part in cast.parts)
        return PERHAPS if quick else ANSWER
    if ask.by is By.PRIMARY or possible(scene.way, cast):
        return ANSWER
    return frozenset({Got.FILTERED}) if scene.way in (Way.POLICY, Way.RULED) else PERHAPS
