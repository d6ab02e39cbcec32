"""Settings to the values that routing decides with."""

import hashlib
import json
from types import MappingProxyType

from portico.chat.messages import Modality
from portico.routing import roles, tiers
from portico.settings.effective import values
from portico.settings.entries import Patience, Price, Role, Target
from portico.settings.model import Settings


def catalog(settings: Settings) -> roles.Catalog:
    """
    Return the targets and the roles of *settings* as one immutable snapshot.

    Its version is a short hash of everything a route depends on; keys are not part of it, whether
    there is one is.
    """
    chain = {name: _role(name, role) for name, role in settings.roles.items()}
    return roles.Catalog(
        _targets(settings, "chat"),
        MappingProxyType(chain),
        _version(settings),
        embeddings(settings),
    )


def embeddings(settings: Settings) -> MappingProxyType[str, tiers.Target]:
    """Return the embedding targets, which play no role: nobody can chat with them."""
    return _targets(settings, "embedding")


def _targets(settings: Settings, kind: str) -> MappingProxyType[str, tiers.Target]:
    return MappingProxyType(
        {
            name: _target(settings, name, target)
            for name, target in settings.targets.items()
            if target.kind == kind
        }
    )


def _target(settings: Settings, name: str, target: Target) -> tiers.Target:
    upstream = settings.upstreams[target.upstream]
    breaker = settings.breaker_of(name)
    return tiers.Target(
        name=name,
        upstream=target.upstream,
        model=target.model,
        tier=target.tier,
        accepts=frozenset(Modality(one) for one in target.accepts),
        features=frozenset(target.features),
        context_window=target.context_window,
        max_output=target.max_output,
        price=_price(target.price),
        boxes=target.boxes,
        patience=_patience(target.patience),
        breaker=tiers.Breaker(breaker.failures, breaker.recovery, breaker.max_recovery),
        max_concurrency=target.max_concurrency,
        scarce=bool(target.scarce),
        egress=upstream.egress,
        on_down=settings.egress[upstream.egress].on_down,
        simulated=upstream.simulated,
        dimensions=target.dimensions,
        space=_space(target, simulated=upstream.simulated),
        project=upstream.project or "",
    )


def _space(target: Target, *, simulated: bool) -> str:
    """Made-up vectors are never taken for a model's, nor the other way about."""
    if target.kind == "chat":
        return ""
    named = (target.space or target.model).lower()
    return f"simulated {named}" if simulated else named


def _price(price: Price | None) -> tiers.Price | None:
    if price is None:
        return None
    return tiers.Price(price.input, price.output, price.cached_input)


def _patience(patience: Patience) -> tiers.Patience:
    return tiers.Patience(patience.connect, patience.first_delta, patience.idle, patience.total)


def _role(name: str, role: Role) -> roles.Role:
    return roles.Role(
        name=name,
        targets=role.targets,
        description=role.description,
        max_attempts=role.max_attempts,
        rescue=role.rescue,
        hedge_after=role.hedge_after,
        refused=role.refused,
        old_pictures=role.old_pictures,
        last_n=role.last_n,
        hand_down=role.hand_down,
    )


def _version(settings: Settings) -> str:
    routed = ("upstreams", "targets", "roles", "egress", "breaker")
    text = json.dumps({section: values(settings)[section] for section in routed}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
