"""Forgetting somebody: place by place, each as far as it answers, and told honestly."""

from collections.abc import Awaitable, Callable, Sequence

from portico.erasure.base import Counts, Forgotten, Place, Told, Traced
from portico.errors import ConfigError, StoreUnavailable

type Work = Callable[[Traced], Awaitable[Counts]]


async def forget(places: Sequence[Place], traced: Traced, *, dry_run: bool) -> Forgotten:
    """
    Erase *traced* from *places*, in their order, or only count what there is.

    A place that does not answer is passed over, and with it those that come after it: they say
    what of it there is. Run it again then: what is gone is no longer counted.
    """
    told: list[Told] = []
    for place in places:
        left = {one.place for one in told if one.left}
        if not dry_run and (waits := sorted(place.after & left)):
            reason = f"waits for {', '.join(waits)}, where it says what is theirs"
            told.append(Told(place=place.name, counts={}, left=reason))
        else:
            told.append(await _told(place.name, place.look if dry_run else place.erase, traced))
    return Forgotten(dry_run=dry_run, places=tuple(told))


async def _told(name: str, work: Work, traced: Traced) -> Told:
    try:
        return Told(place=name, counts=await work(traced))
    except (StoreUnavailable, ConfigError, OSError) as exc:
        why = exc.strerror or type(exc).__name__ if isinstance(exc, OSError) else str(exc)
        return Told(place=name, counts={}, left=why)
