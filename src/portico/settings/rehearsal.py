"""An installation's settings for a rehearsal: its own routes, and no packet that leaves."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from portico.settings.entries import Patience, Role, Target, Upstream
from portico.settings.model import Settings, Stores

SHORTER = 20.0
"""A rehearsal's patience is the configured one divided by this, within LEAST and MOST."""

LEAST = 0.5
MOST = 2.0
"""Seconds: less would blame a busy machine, more would make a rehearsal too long to be run."""

KEY = "synthetic-key-of-a-rehearsal"


def rehearsal(settings: Settings, stages: Mapping[str, str], folder: Path) -> Settings:
    """
    Return *settings* with every upstream at its address in *stages*, and all stores in *folder*.

    Roles, orders, windows, prices and breakers stay as they are. Keys become synthetic, further
    headers go, every way out is direct, and patience is shortened. Where two targets would be one
    model at one address, their model ids are told apart.
    """
    upstreams = {name: _played(given, stages[name]) for name, given in settings.upstreams.items()}
    places = {name: (stages[one.upstream], one.model) for name, one in settings.targets.items()}
    shared = {place for place, count in Counter(places.values()).items() if count > 1}
    return settings.model_copy(
        update={
            "upstreams": upstreams,
            "targets": {
                name: _hurried(target, f"--{name}" if places[name] in shared else "")
                for name, target in settings.targets.items()
            },
            "roles": {name: _eager(role) for name, role in settings.roles.items()},
            "egress": {"direct": settings.egress["direct"]},
            "stores": _kept_in(folder),
        }
    )


def moved(settings: Settings, target: str, address: str) -> Settings:
    """Return *settings* with *target* alone at another *address*, as a new upstream's."""
    given = settings.targets[target]
    name = f"{given.upstream}-moved"
    upstream = settings.upstreams[given.upstream].model_copy(update={"base_url": address})
    return settings.model_copy(
        update={
            "upstreams": {**settings.upstreams, name: upstream},
            "targets": {
                **settings.targets,
                target: given.model_copy(update={"upstream": name}),
            },
        }
    )


def _played(given: Upstream, address: str) -> Upstream:
    """What only LiteLLM knows is played in the `openai` dialect."""
    foreign = given.dialect == "litellm"
    return given.model_copy(
        update={
            "dialect": "openai" if foreign else given.dialect,
            "provider": None,
            "base_url": address,
            "api_key": Upstream.model_validate({"api_key": KEY}).api_key,
            "headers": {},
            "egress": "direct",
            "simulate": False,
        }
    )


def _hurried(target: Target, suffix: str) -> Target:
    given = target.patience
    patience = Patience(
        connect=_shortened(given.connect),
        first_delta=_shortened(given.first_delta),
        idle=_shortened(given.idle),
        total=_shortened(given.total),
    )
    return target.model_copy(update={"patience": patience, "model": target.model + suffix})


def _eager(role: Role) -> Role:
    if not isinstance(role.hedge_after, float):
        return role
    return role.model_copy(update={"hedge_after": role.hedge_after / SHORTER})


def _shortened(seconds: float) -> float:
    return min(max(seconds / SHORTER, LEAST), MOST)


def _kept_in(folder: Path) -> Stores:
    return Stores.model_validate(
        {
            "ledger": f"sqlite:///{folder / 'ledger.db'}",
            "traces": f"sqlite:///{folder / 'traces.db'}",
            "artifacts": f"file:///{folder / 'artifacts'}",
            "memory": f"local:///{folder / 'memory'}",
        }
    )
