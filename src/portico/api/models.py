"""GET /v1/models: roles and targets, from memory; no upstream is ever waited for."""

from difflib import get_close_matches
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from portico.access.allowed import may_name
from portico.access.base import Caller
from portico.errors import ModelNotFound
from portico.routing.choices import AUTO
from portico.routing.roles import Catalog, Role
from portico.routing.tiers import Target

ANYBODY = Caller()
AUTO_ROLE = "Portico chooses the role by what is asked, and says who answered"


class Facts(Struct, frozen=True, kw_only=True):
    """What a name can do. A role's are what at least one target of its chain can do."""

    kind: Literal["role", "target"]
    accepts: list[str]
    features: list[str]
    context_window: int
    max_output: int | None
    tier: int | None
    simulated: bool
    targets: list[str] | UnsetType = UNSET  # a role's chain, in order of asking
    upstream: str | UnsetType = UNSET
    makes: Literal["embeddings"] | UnsetType = UNSET  # and no chats
    dimensions: int | UnsetType | None = UNSET


class Tag(Struct, frozen=True):
    """A filter chip in Open WebUI's picker."""

    name: str


class Capabilities(Struct, frozen=True):
    """
    What Open WebUI lets its users do; what is not said here it takes for true.

    `builtin_tools` are about 36 that it offers with every message: nobody without tools would
    be left to answer.
    """

    vision: bool
    builtin_tools: bool
    usage: bool = True


class Meta(Struct, frozen=True):
    """What Open WebUI shows of a model."""

    description: str
    capabilities: Capabilities
    hidden: bool | UnsetType = UNSET  # from the picker of chats: nobody can chat with it


class Info(Struct, frozen=True):
    """Where Open WebUI looks for `meta`."""

    meta: Meta


class Model(Struct, frozen=True, kw_only=True):
    """An entry of OpenAI's model list, with what Portico and Open WebUI add."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "portico"
    name: str
    tags: list[Tag]
    portico: Facts
    info: Info


class ModelList(Struct, frozen=True, kw_only=True):
    """OpenAI's model list."""

    object: Literal["list"] = "list"
    data: list[Model]


def listing(catalog: Catalog, caller: Caller = ANYBODY) -> ModelList:
    """Return what *caller* may ask for: `auto`, roles, targets, then those for embeddings."""
    auto = Role(AUTO, tuple(dict.fromkeys(n for r in catalog.roles.values() for n in r.targets)))
    rows = [_role(auto, catalog, AUTO_ROLE)] if catalog.roles else []
    rows += [_role(role, catalog, role.description) for role in catalog.roles.values()]
    named = [one for one in catalog.targets.values() if may_name(caller, one.name)]
    rows += [_target(target) for target in named]
    rows += [_embedder(target) for target in catalog.embedders.values()]
    return ModelList(data=rows)


def one(catalog: Catalog, name: str, caller: Caller = ANYBODY) -> Model:
    """Return the entry of that name; raises ModelNotFound, which suggests the nearest."""
    rows = {row.id: row for row in listing(catalog, caller).data}
    if name in rows:
        return rows[name]
    near = get_close_matches(name[:100], rows, n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ModelNotFound(f"There is no model {name[:100]!r}.{hint}", param="model")


def _role(role: Role, catalog: Catalog, description: str) -> Model:
    """A role can do what at least one target of its chain can: `plan` filters the rest."""
    chain = [catalog.targets[name] for name in role.targets]
    outputs = [target.max_output for target in chain if target.max_output]
    facts = Facts(
        kind="role",
        accepts=sorted({m.value for target in chain for m in target.accepts}),
        features=sorted({f for target in chain for f in target.features}),
        context_window=max((target.context_window for target in chain), default=0),
        max_output=max(outputs, default=None),
        tier=min((target.tier for target in chain), default=None),
        simulated=all(target.simulated for target in chain),
        targets=list(role.targets),
    )
    return _model(role.name, description, facts)


def _target(target: Target) -> Model:
    facts = Facts(
        kind="target",
        accepts=sorted(m.value for m in target.accepts),
        features=sorted(target.features),
        context_window=target.context_window,
        max_output=target.max_output,
        tier=target.tier,
        simulated=target.simulated,
        upstream=target.upstream,
    )
    return _model(target.name, f"Tier {target.tier}: {target.model} at {target.upstream}", facts)


def _embedder(target: Target) -> Model:
    facts = Facts(
        kind="target",
        accepts=["text"],
        features=[],
        context_window=target.context_window,
        max_output=None,
        tier=None,
        simulated=target.simulated,
        upstream=target.upstream,
        makes="embeddings",
        dimensions=target.dimensions,
    )
    return _model(target.name, f"Embeddings: {target.model} at {target.upstream}", facts)


def _model(name: str, description: str, facts: Facts) -> Model:
    embeds = facts.makes is not UNSET
    tags = [Tag("embedding" if embeds else facts.kind)]
    tags += [Tag("simulated")] if facts.simulated else []
    hidden = True if embeds else UNSET
    can = Capabilities("image" in facts.accepts, "tools" in facts.features)
    info = Info(Meta(description, can, hidden))
    return Model(id=name, name=name, tags=tags, portico=facts, info=info)
