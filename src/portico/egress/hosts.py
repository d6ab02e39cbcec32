"""One host, one path: which egress path each host belongs to. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address

from portico.egress.addresses import number
from portico.egress.clients import ConnectFailed
from portico.egress.origins import Origin, split


class WrongPath(ConnectFailed):
    """The host belongs to another path, or to none that this one may serve: nothing was sent."""


@dataclass(frozen=True, slots=True)
class Hosts:
    """
    The path of each host, by what `owned` calls it; `shared` has those that several may ask.

    A path carries its own hosts; one of `open` those that belong to nobody as well.
    """

    paths: Mapping[str, str] = field(default_factory=dict)
    open: frozenset[str] = frozenset()
    shared: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def opened(self, path: str) -> "Hosts":
        """Return the same for somebody who must be let out to strangers by *path* (pictures)."""
        return replace(self, open=self.open | {path})

    def check(self, path: str, origin: Origin) -> None:
        """Raise WrongPath unless *origin* may be asked by *path*."""
        host, _ = owned(origin)
        owner = self.paths.get(host)
        owners = {owner} if owner else self.shared.get(host, frozenset())
        if path in owners or (not owners and path in self.open):
            return
        owner = min(owners, default=None)
        whose = f"belongs to the egress path {owner}" if owner else "belongs to no egress path"
        raise WrongPath(f"{origin.host} {whose}, and is not asked by {path}")


def belonging(bases: Iterable[tuple[str, str]], echoes: Iterable[tuple[str, str]] = ()) -> Hosts:
    """
    Return whose hosts are whose, of (path name, base URL) pairs.

    A path with an empty base URL, where only a library knows the hosts, is open to strangers.
    *echoes* are URLs likewise, which several paths may ask where they come out.

    Raises:
        ValueError: a host would belong to two paths, or a base URL is none.
    """
    paths: dict[str, str] = {}
    strangers: set[str] = set()
    shared: dict[str, frozenset[str]] = {}
    for path, base in bases:
        if not base:
            strangers.add(path)
            continue
        try:
            origin, _ = split(base)
        except ConnectFailed as exc:
            raise ValueError(f"a base URL of the egress path {path}: {exc}") from None
        host, local = owned(origin)
        if local:
            shared[host] = shared.get(host, frozenset()) | {path}
        elif paths.setdefault(host, path) != path:
            raise ValueError(f"{host} would belong to two egress paths: {paths[host]} and {path}")
    for path, echo in echoes:
        host, _ = owned(split(echo)[0])
        shared[host] = shared.get(host, frozenset()) | {path}
    return Hosts(paths, frozenset(strangers), shared)


def owned(origin: Origin) -> tuple[str, bool]:
    """
    Return the one way in which we write what belongs to a path, and whether it is on loopback.

    It is the host of *origin*: a resolver takes `Example.COM.` for the same host, and `0x7f.1` for
    the same address. On loopback each port stands for itself, and several paths may have the same:
    nothing that is sent there leaves, and at a tunnel's far end it is another machine's.
    """
    host = origin.host.lower().rstrip(".")
    address = number(host)
    if address is None:
        near = host == "localhost" or host.endswith(".localhost")
    else:
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        address = mapped or address
        near, host = address.is_loopback, str(address)
    return f"{host} port {origin.port}" if near else host, near
