"""Tiers: what is behind each, in which order a role asks, and what a change would do."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import msgspec
from msgspec import Raw, structs
from starlette.responses import Response

from portico.chat.messages import Link, Message, Part
from portico.chat.request import ChatBody, ChatRequest
from portico.console import onetoken
from portico.console.now import stands, tiers
from portico.console.visit import Visit
from portico.errors import MalformedRequest, ModelNotFound
from portico.routing.choices import decide
from portico.routing.roles import Catalog
from portico.routing.routes import Route

SAMPLE = "Refactor this function so that it can be tested."


@dataclass(frozen=True, slots=True)
class Draft:
    """A role's chain as somebody would have it, and a request to try it with."""

    role: str
    chain: tuple[str, ...]
    prompt: str = ""
    pictured: bool = False
    changed: bool = False


async def show(visit: Visit) -> Response:
    """Show it, with the chain of the role that the query names."""
    catalog = visit.here.gateway.house.catalog
    name = visit.text("role") or next(iter(catalog.roles), "")
    return _shown(visit, draft_of(name, catalog))


async def dry_run(visit: Visit) -> Response:
    """Change the draft as a button says, and show where a request would go by it. Asks nobody."""
    catalog = visit.here.gateway.house.catalog
    now = draft_of(visit.text("role"), catalog)
    chain = moved(visit.texts("chain"), visit.text("do"), visit.text("add"))
    known = tuple(name for name in chain if name in catalog.targets)
    draft = replace(
        now,
        chain=known,
        prompt=visit.text("prompt")[:20_000],
        pictured=visit.text("pictured") == "yes",
        changed=known != now.chain,
    )
    return _shown(visit, draft)


def draft_of(role: str, catalog: Catalog) -> Draft:
    """
    Return the chain of *role* as it is.

    Raises:
        ModelNotFound: there is no such role.
    """
    if role not in catalog.roles:
        raise ModelNotFound(f"There is no role {role[:100]!r}.", param="role")
    return Draft(role, catalog.roles[role].targets)


def moved(chain: Sequence[str], act: str, added: str = "") -> list[str]:
    """
    Return *chain* after `up.N`, `down.N`, `drop.N` or `add`; anything else leaves it as it is.

    Raises:
        MalformedRequest: N is no place in it.
    """
    found = list(dict.fromkeys(chain))
    what, _, place = act.partition(".")
    if what == "add" and added and added not in found:
        return [*found, added]
    if what not in ("up", "down", "drop"):
        return found
    if not place.isdecimal() or int(place) >= len(found):
        raise MalformedRequest("There is nothing at this place of the chain.", param="do")
    at = int(place)
    name = found.pop(at)
    if what != "drop":
        found.insert(max(at - 1, 0) if what == "up" else at + 1, name)
    return found


def _shown(visit: Visit, draft: Draft) -> Response:
    now, catalog = time.time(), visit.here.gateway.house.catalog
    found = stands(visit, now)
    return visit.page(
        "tiers",
        tiers=tiers(found),
        stands={one.target.name: one for one in found},
        roles=list(catalog.roles.values()),
        catalog=catalog,
        draft=draft,
        yaml=yaml(draft),
        routes=_routes(visit, draft),
        sample=SAMPLE,
        warning=onetoken.warning,
        price=onetoken.price,
        orders=visit.here.operating.orders,
        said=visit.request.query_params.get("said", ""),
    )


def _routes(visit: Visit, draft: Draft) -> dict[str, Route]:
    """Return the route of the draft's request: as it is, and by the draft where that differs."""
    if not draft.prompt:
        return {}
    gateway = visit.here.gateway
    catalog = gateway.house.catalog
    request = question(draft.role, draft.prompt, "art_picture" if draft.pictured else None)
    found = {"now": gateway.route(request, catalog)}
    if draft.changed and draft.chain:
        role = structs.replace(catalog.roles[draft.role], targets=draft.chain)
        drafted = replace(catalog, roles={**catalog.roles, draft.role: role})
        view = gateway.standing.view(catalog.targets.values(), time.time())
        found["draft"] = decide(request, drafted, view)
    return found


def question(model: str, text: str, picture: str | None = None) -> ChatRequest:
    """Return a streamed chat of one turn; *picture* is a link."""
    content: str | list[Part] = text
    if picture is not None:
        content = [Part("text", text), Part("image_url", image_url=Link(picture))]
    messages = [Message("user", content)]
    plain: list[Mapping[str, object]] = [{"role": "user", "content": _plain(content)}]
    body = ChatBody(model, messages, stream=True)
    return ChatRequest.of(body, {"messages": Raw(msgspec.json.encode(plain))})


def _plain(content: str | list[Part]) -> object:
    if isinstance(content, str):
        return content
    return [
        {"type": "text", "text": part.text}
        if part.link is None
        else {"type": "image_url", "image_url": {"url": part.link.url}}
        for part in content
    ]


def yaml(draft: Draft) -> str:
    """Return what makes the draft last, for portico.yaml."""
    return f"roles:\n  {draft.role}:\n    targets: [{', '.join(draft.chain)}]\n"


async def park(visit: Visit) -> Response:
    """Ask a target no more."""
    name, by = visit.request.path_params["target"], visit.caller.key
    await visit.here.operating.park(name, by, visit.text("why"))
    await visit.noted("target.parked", name)
    return visit.to("/console/tiers", f"{name} is parked: nobody asks it, also after a restart.")


async def unpark(visit: Visit) -> Response:
    """Ask a target again."""
    name = visit.request.path_params["target"]
    await visit.here.operating.unpark(name)
    await visit.noted("target.unparked", name)
    return visit.to("/console/tiers", f"{name} is asked again.")


async def clear(visit: Visit) -> Response:
    """Forget what is held against a target."""
    name = visit.request.path_params["target"]
    cleared = visit.here.gateway.standing.clear(name)
    await visit.noted("standing.cleared", name)
    told = f"Nothing is held against {name} any more." if cleared else f"{name} was not resting."
    return visit.to("/console/tiers", told)


async def switch_off(visit: Visit) -> Response:
    """Get a simulated target down."""
    name, by = visit.request.path_params["target"], visit.caller.key
    await visit.here.operating.switch_off(name, by)
    await visit.noted("target.switched_off", name)
    return visit.to("/console/tiers", f"{name} is down. Ask something, and see who answers.")


async def switch_on(visit: Visit) -> Response:
    """Get a simulated target up again."""
    name = visit.request.path_params["target"]
    await visit.here.operating.switch_on(name)
    await visit.noted("target.switched_on", name)
    return visit.to("/console/tiers", f"{name} is up again.")
