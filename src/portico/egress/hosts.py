"""One host, one path: which egress path each host belongs to. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from portico.egress.clients import ConnectFailed
from portico.egress.origins import Origin, split


class WrongPath(ConnectFailed):
    """The host belongs to another path, or to none that this one may serve: nothing was sent."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """
    The path of each host, by name, in lower case and without a trailing dot.

    A path carries its own hosts; one of `open` those that belong to nobody as well.
    """

    paths: Mapping[str, str] = field(default_factory=dict)
    open: frozenset[str] = frozenset()

    def opened(self, path: str) -> "Hosts":
        """Return the same for somebody who must be let out to strangers by *path* (pictures)."""
        return replace(self, open=self.open | {path})

    def check(self, path: str, origin: Origin) -> None:
        """Raise WrongPath unless *origin* may be asked by *path*."""
        owner = self.paths.get(_canonical(origin.host))
        if owner == path or (owner is None and path in self.open):
            return
        whose = f"belongs to the egress path {owner}" if owner else "belongs to no egress path"
        raise WrongPath(f"{origin.host} {whose}, and is not asked by {path}")


def belonging(bases: Iterable[tuple[str, str]]) -> Hosts:
    """
    Return whose hosts are whose, of (path name, base URL) pairs.

    A path with an empty base URL, where only a library knows the hosts, is open to strangers.

    Raises:
        ValueError: a host would belong to two paths, or a base URL is none.
    """
    paths: dict[str, str] = {}
    strangers: set[str] = set()
    for path, base in bases:
        if not base:
            strangers.add(path)
            continue
        try:
            origin, _ = split(base)
        except ConnectFailed as exc:
            raise ValueError(f"a base URL of the egress path {path}: {exc}") from None
        host = _canonical(origin.host)
        if paths.setdefault(host, path) != path:
            raise ValueError(f"{host} would belong to two egress paths: {paths[host]} and {path}")
    return Hosts(paths, frozenset(strangers))


def _canonical(host: str) -> str:
    """The one way we write a name: a resolver takes `Example.COM.` for the same host."""
    return host.lower().rstrip(".")
