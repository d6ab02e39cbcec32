"""Forgetting somebody: place by place, each as far as it answers, and told honestly."""

from collections.abc import Sequence
from functools import partial

from portico.erasure.base import Place, Report, Told, Traced, told


async def forget(places: Sequence[Place], traced: Traced, *, dry_run: bool) -> Report:
    """
    Erase *traced* from *places*, in their order, or only count what there is.

    A place that does not answer is passed over, and with it those that come after it: they say
    what of it there is. Run it again then: what is gone is no longer counted.
    """
    found: list[Told] = []
    for place in places:
        left = {one.place for one in found if one.left}
        if not dry_run and (waits := sorted(place.after & left)):
            reason = f"waits for {', '.join(waits)}, where it says what is theirs"
            found.append(Told(place=place.name, counts={}, left=reason))
        else:
            work = place.look if dry_run else place.erase
            found.append(await told(place.name, partial(work, traced)))
    return Report(dry_run=dry_run, places=tuple(found))
