"""From the public name that was asked to the role that answers."""

from difflib import get_close_matches

from msgspec import Struct
from msgspec.structs import replace

from portico.chat.pictures import left_out
from portico.chat.request import ChatRequest
from portico.errors import ModelNotFound
from portico.routing.classify import classify, is_task
from portico.routing.roles import Catalog, Role
from portico.routing.routes import PARKED, Route, Standing, needs, plan
from portico.routing.signals import Signal

AUTO = "auto"
BACKGROUND = "background"


class Choice(Struct, frozen=True):
    """A role, and what decided for it."""

    role: Role
    decided_by: tuple[Signal, ...]
    unsure: bool = False


def choose(request: ChatRequest, catalog: Catalog) -> Choice:
    """
    Return the role for *request*: the one it names, the target it names, or for `auto` the best.

    A chat UI's background task goes to `background`, whatever its chat's own model is: its header
    says so for any name, its prompt for `auto` and roles only.

    Raises:
        ModelNotFound: no such role or target; suggests the nearest.
    """
    asked = request.model
    named = catalog.roles.get(asked)
    if _is_background(request, catalog):
        background = Signal("a chat UI's background task", BACKGROUND, 1.0)
        return Choice(catalog.roles[BACKGROUND], (background,))
    if named is not None:
        return Choice(named, (Signal("asked for by name", asked, 1.0),))
    if asked == AUTO and catalog.roles:
        decision = classify(request, catalog.roles)
        return Choice(catalog.roles[decision.role], decision.decided_by, decision.unsure)
    if asked in catalog.targets:
        alone = Role(asked, (asked,))
        return Choice(alone, (Signal("asked for by name", asked, 1.0),))
    raise ModelNotFound(_unknown(asked, catalog), param="model")


def decide(request: ChatRequest, catalog: Catalog, standing: Standing) -> Route:
    """
    Return the whole route of *request*: its role, whom to ask in order, and why not the others.

    Where the role is our choice and nobody of it can take the request, the next best role has it.

    Raises:
        ModelNotFound: no such role or target.
    """
    choice = choose(request, catalog)
    decided_by = choice.decided_by
    route = _planned(request, choice.role, catalog, standing)
    if choice.role.name != request.model and _beyond(route):
        others = _others(request.model, choice, catalog)
        routes = (_planned(request, role, catalog, standing) for role in others)
        other = next((one for one in routes if one.candidates), None)
        if other is not None:
            why = Signal(f"nobody of {choice.role.name!r} can take it", other.role.name, 0.0)
            route, decided_by = other, (why, *decided_by)
    return replace(route, decided_by=decided_by, unsure=choice.unsure)


def _planned(request: ChatRequest, role: Role, catalog: Catalog, standing: Standing) -> Route:
    wanted = needs(request, left_out(request.messages, role.old_pictures, role.last_n))
    return plan(role, wanted, catalog, standing)


def _beyond(route: Route) -> bool:
    """True where nobody can do it; not where an operator or a tunnel keeps them from it."""
    kept = route.down or any(passed.reason == PARKED for passed in route.passed)
    return not (route.candidates or kept)


def _others(asked: str, choice: Choice, catalog: Catalog) -> list[Role]:
    """Return what was *asked* by name; for `auto` every other role, by what speaks for it."""
    if asked in catalog.roles:
        return [catalog.roles[asked]]
    if asked != AUTO:
        return [Role(asked, (asked,))] if asked in catalog.targets else []
    points = dict.fromkeys(catalog.roles, 0.0)
    for signal in choice.decided_by:
        points[signal.role] += signal.weight
    ranked = sorted(points, key=lambda name: (name == BACKGROUND, -points[name]))
    return [catalog.roles[name] for name in ranked if name != choice.role.name]


def _is_background(request: ChatRequest, catalog: Catalog) -> bool:
    if BACKGROUND not in catalog.roles or request.model == BACKGROUND:
        return False
    general = request.model == AUTO or request.model in catalog.roles
    return (general or request.task is not None) and is_task(request)


def _unknown(asked: str, catalog: Catalog) -> str:
    auto = [AUTO] if catalog.roles else []  # it chooses among roles
    if asked in catalog.embedders:
        return f"{asked!r} makes embeddings: ask it at /v1/embeddings."
    names = [*auto, *catalog.roles, *catalog.targets]
    near = get_close_matches(asked[:100], names, n=1, cutoff=0.4)
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(names)}."
    return f"There is no model {asked[:100]!r}. {hint}"
