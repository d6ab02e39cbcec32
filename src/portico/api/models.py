"""GET /v1/models: roles and targets, from memory; no upstream is ever waited for."""

from typing import Any

from portico.errors import ModelNotFound
from portico.routing.choices import AUTO
from portico.routing.roles import Catalog, Role
from portico.routing.tiers import Target

AUTO_ROLE = "Portico chooses the role by what is asked, and says who answered"


def listing(catalog: Catalog) -> dict[str, Any]:
    """Return OpenAI's model list: `auto`, the roles, then the targets."""
    auto = Role(AUTO, tuple(dict.fromkeys(n for r in catalog.roles.values() for n in r.targets)))
    rows = [_role(auto, catalog, AUTO_ROLE)] if catalog.roles else []
    rows += [_role(role, catalog, role.description) for role in catalog.roles.values()]
    rows += [_target(target) for target in catalog.targets.values()]
    return {"object": "list", "data": rows}


def one(catalog: Catalog, name: str) -> dict[str, Any]:
    """Return the entry of that name; raises ModelNotFound."""
    for row in listing(catalog)["data"]:
        if row["id"] == name:
            found: dict[str, Any] = row
            return found
    raise ModelNotFound(f"There is no model {name[:100]!r}.", param="model")


def _role(role: Role, catalog: Catalog, description: str) -> dict[str, Any]:
    """A role can do what at least one target of its chain can: `plan` filters the rest."""
    chain = [catalog.targets[name] for name in role.targets]
    outputs = [target.max_output for target in chain if target.max_output]
    facts = {
        "kind": "role",
        "accepts": sorted({m.value for target in chain for m in target.accepts}),
        "features": sorted({f for target in chain for f in target.features}),
        "context_window": max((target.context_window for target in chain), default=0),
        "max_output": max(outputs, default=None),
        "tier": min((target.tier for target in chain), default=None),
        "simulated": all(target.simulated for target in chain),
        "targets": list(role.targets),
    }
    return _row(role.name, description, facts)


def _target(target: Target) -> dict[str, Any]:
    facts = {
        "kind": "target",
        "accepts": sorted(m.value for m in target.accepts),
        "features": sorted(target.features),
        "context_window": target.context_window,
        "max_output": target.max_output,
        "tier": target.tier,
        "simulated": target.simulated,
        "upstream": target.upstream,
    }
    return _row(target.name, f"Tier {target.tier}: {target.model} at {target.upstream}", facts)


def _row(name: str, description: str, facts: dict[str, Any]) -> dict[str, Any]:
    """`info.meta` is where Open WebUI reads descriptions and whether pictures may be dropped."""
    tags = [{"name": str(facts["kind"])}, *([{"name": "simulated"}] if facts["simulated"] else [])]
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "portico",
        "name": name,
        "tags": tags,
        "portico": facts,
        "info": {
            "meta": {
                "description": description,
                "capabilities": {"vision": "image" in facts["accepts"], "usage": True},
            }
        },
    }
