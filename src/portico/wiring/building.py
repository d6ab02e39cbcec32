"""From settings to a house: one upstream for each account, one pool for each egress path."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b

from portico.dispatch.gateway import House
from portico.egress.hosts import Hosts, belonging
from portico.egress.paths import Direct, Tunnel, parse_via
from portico.egress.paths import Path as Way
from portico.egress.pool import Pool
from portico.routing.roles import Catalog
from portico.settings import Settings, catalog
from portico.settings.belonging import claims
from portico.upstreams.base import Account, Upstream
from portico.upstreams.embedding import Embedder, Embeds
from portico.upstreams.gemini import Gemini
from portico.upstreams.gemini_embeddings import GeminiSpeaks
from portico.upstreams.openai import OpenAI
from portico.upstreams.openai_embeddings import OpenAISpeaks
from portico.upstreams.reasonings import Reasonings
from portico.upstreams.signatures import Signatures
from portico.upstreams.simulated import KEY, address


class Builder:
    """Makes a house of settings; what outlives a reload (pools, keepers) is kept between them."""

    def __init__(self, simulator: str) -> None:
        self.simulator = simulator  # its address, "" where it is not served
        self._pools: dict[Way, Pool] = {}
        self.hosts = Hosts()
        self._signatures = Signatures()
        self._reasonings = Reasonings()
        self.marks: Mapping[str, str] = {}
        self.secrets: frozenset[str] = frozenset()

    def house(self, settings: Settings) -> House:
        """Return the catalog of *settings*, with an upstream for each of its accounts."""
        self.hosts = hosts(settings, self.simulator)
        upstreams = {name: self._upstream(name, settings) for name in settings.upstreams}
        for pool in self._pools.values():
            pool.belong(self.hosts)
        self.marks, self.secrets = _marks(settings), _secrets(settings)
        known = _priced(catalog(settings), settings)
        used = {target.upstream for target in known.embedders.values()}
        embedders = {name: self._embedder(name, settings) for name in sorted(used)}
        return House(known, upstreams, embedders)

    def _embedder(self, name: str, settings: Settings) -> Embeds:
        account = self._account(name, settings)
        gemini = settings.upstreams[name].dialect == "gemini"
        return Embedder(account, GeminiSpeaks() if gemini else OpenAISpeaks())

    def _upstream(self, name: str, settings: Settings) -> Upstream:
        given, account = settings.upstreams[name], self._account(name, settings)
        if given.dialect == "litellm" and not given.simulated:
            from portico.upstreams.litellm import LiteLLM  # costs seconds: only where configured

            return LiteLLM(account, given.provider or "")
        return self._speaking(given.dialect, account)

    def _account(self, name: str, settings: Settings) -> Account:
        given = settings.upstreams[name]
        flavour = "gemini" if given.dialect == "gemini" else given.flavour
        if given.simulated:
            base = address(self.simulator, given.dialect, given.flavour)
            return Account(name, base, self.pool(Direct()), KEY, flavour)
        path = way(given.egress, settings)
        return Account(
            name,
            given.address,
            self.pool(path),
            given.api_key.get_secret_value(),
            flavour,
            isinstance(path, Tunnel),
            {key: value.get_secret_value() for key, value in given.headers.items()},
        )

    def _speaking(self, dialect: str, account: Account) -> Upstream:
        if dialect == "gemini":
            return Gemini(account, self._signatures)
        return OpenAI(account, self._reasonings)

    def pool(self, way: Way) -> Pool:
        """Return the one pool of a path."""
        if way not in self._pools:
            self._pools[way] = Pool(way, hosts=self.hosts)
        return self._pools[way]

    async def aclose(self) -> None:
        """Hang up every connection."""
        for pool in self._pools.values():
            await pool.aclose()


def _foreign(settings: Settings) -> dict[str, str]:
    """Return the upstreams that only LiteLLM can speak to, and its names of their providers."""
    return {
        name: given.provider or ""
        for name, given in settings.upstreams.items()
        if given.dialect == "litellm" and not given.simulated
    }


def _priced(known: Catalog, settings: Settings) -> Catalog:
    """Fill prices that the configuration leaves out from LiteLLM's map, for its providers only."""
    foreign = _foreign(settings)
    if not foreign:
        return known
    from portico.upstreams.litellm import prices

    targets = {
        name: target
        if target.price or target.upstream not in foreign
        else replace(target, price=prices(foreign[target.upstream], target.model))
        for name, target in known.targets.items()
    }
    return replace(known, targets=targets)


def way(name: str, settings: Settings) -> Way:
    """Return the egress path of that name."""
    path = settings.egress[name]
    if path.kind == "direct":
        return Direct(name)
    return Tunnel(name, tuple(parse_via(via.get_secret_value()) for via in path.via))


def hosts(settings: Settings, simulator: str = "") -> Hosts:
    """Return which path may ask whom; *simulator* is asked directly."""
    claimed = [(claim.path, claim.url) for claim in claims(settings)]
    if simulator:
        claimed.append(("direct", simulator))
    paths = settings.egress.items()
    return belonging(claimed, [(name, path.exit_url) for name, path in paths if path.exit_url])


def _marks(settings: Settings) -> dict[str, str]:
    """Return, for each upstream, what changes with its key and does not show it."""
    return {
        name: blake2b(given.api_key.get_secret_value().encode(), digest_size=8).hexdigest()
        for name, given in settings.upstreams.items()
    }


def _secrets(settings: Settings) -> frozenset[str]:
    """Return what an upstream may echo of what it was sent, and nobody should read."""
    given = settings.upstreams.values()
    keys = (upstream.api_key.get_secret_value() for upstream in given)
    headers = (value.get_secret_value() for one in given for value in one.headers.values())
    return frozenset(keys) | frozenset(headers)


async def prepare(settings: Settings) -> None:
    """Import LiteLLM, where it is configured, without holding anybody up: it takes seconds."""
    if _foreign(settings):
        from portico.upstreams.litellm import library

        await asyncio.to_thread(library)
