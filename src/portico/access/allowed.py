"""The part of the catalog that a caller may use."""

from dataclasses import replace

from msgspec.structs import replace as replaced

from portico.access.base import Caller
from portico.errors import NotAllowed
from portico.routing.choices import AUTO
from portico.routing.roles import Catalog, Role

MOST = 256
"""Parts that are remembered; there are as many as there are different lists of names."""

type _Names = frozenset[str] | None


class Views:
    """Catalogs as callers may use them, worked out once for each list of names and catalog."""

    def __init__(self) -> None:
        self._catalog: Catalog | None = None
        self._known: dict[tuple[_Names, _Names], Catalog] = {}

    def of(self, catalog: Catalog, caller: Caller) -> Catalog:
        """
        Return what *caller* may use of *catalog*.

        A role is left out if the caller may not ask for it, or if nobody of its chain may answer.
        """
        if caller.roles is None and caller.targets is None:
            return catalog
        if catalog is not self._catalog or len(self._known) >= MOST:
            self._catalog, self._known = catalog, {}
        names = (caller.roles, caller.targets)
        if (found := self._known.get(names)) is None:
            found = self._known[names] = _part(catalog, *names)
        return found


def _part(catalog: Catalog, roles: _Names, targets: _Names) -> Catalog:
    kept: dict[str, Role] = {}
    for name, role in catalog.roles.items():
        chain = tuple(one for one in role.targets if targets is None or one in targets)
        if chain and (roles is None or name in roles):
            kept[name] = replaced(role, targets=chain)
    chains = {target for role in kept.values() for target in role.targets}
    usable = chains if targets is None else targets
    left = {name: target for name, target in catalog.targets.items() if name in usable}
    named = (roles is None) if targets is None else targets
    embedders = {name: one for name, one in catalog.embedders.items() if _holds(named, name)}
    return replace(catalog, roles=kept, targets=left, embedders=embedders)


def _holds(names: frozenset[str] | bool, name: str) -> bool:
    return names if isinstance(names, bool) else name in names


def may_name(caller: Caller, target: str) -> bool:
    """Say whether *caller* may ask for *target* by its name: who is held to roles may not."""
    if caller.targets is not None:
        return target in caller.targets
    return caller.roles is None


def check(caller: Caller, asked: str, catalog: Catalog, part: Catalog) -> None:
    """
    Refuse *asked*, if it names something in *catalog* that is not in *part*, or not by its name.

    Raises:
        NotAllowed: says what the caller may ask for.
    """
    if part is catalog or asked in part.roles:
        return
    if asked == AUTO:
        unusable = not part.roles and bool(catalog.roles)
    elif asked in catalog.roles:
        unusable = True
    else:
        there = asked in catalog.targets or asked in catalog.embedders
        unusable = there and not may_name(caller, asked)
    if not unusable:
        return
    named = (name for name in part.targets if may_name(caller, name))
    names = [*part.roles, *named, *part.embedders]
    may = f"It may ask for: {', '.join(names)}." if names else "It may ask for nothing here."
    raise NotAllowed(f"This key may not use {asked!r}. {may}", param="model")
