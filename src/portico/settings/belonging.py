"""Whose hosts are whose: what the configuration lets each egress path ask."""

from collections.abc import Iterator
from dataclasses import dataclass

from portico.egress.clients import ConnectFailed
from portico.egress.hosts import owned
from portico.egress.origins import split
from portico.settings.model import Settings
from portico.settings.places import Fault, Place


@dataclass(frozen=True, slots=True)
class Claim:
    """That `path` asks the host of `url`, because of what is written at `place`; empty: any."""

    place: Place
    path: str
    url: str

    @property
    def host(self) -> str:
        """What is claimed for one path alone, in our one way of writing; may be empty."""
        try:
            host, near = owned(split(self.url)[0])
        except ConnectFailed:  # told elsewhere
            return ""
        return "" if near else host


def claims(settings: Settings) -> Iterator[Claim]:
    """
    Give all claims, in the order of the file.

    Those of simulated upstreams count: what is Google's does not leave directly for want of a key.
    """
    for name, upstream in settings.upstreams.items():
        if upstream.address or not upstream.simulated:
            yield Claim(("upstreams", name, "base_url"), upstream.egress, upstream.address)
    if settings.feedback.address:
        yield Claim(("feedback", "url"), "direct", settings.feedback.address)
    for name, path in settings.egress.items():
        for index, host in enumerate(path.hosts):
            yield Claim(("egress", name, "hosts", index), name, f"https://{host}")


def contested(settings: Settings) -> Iterator[Fault]:
    """Give each claim to a host that another path has claimed already."""
    owners: dict[str, Claim] = {}
    for claim in claims(settings):
        if not claim.host:
            continue
        first = owners.setdefault(claim.host, claim)
        if first.path != claim.path:
            holder = ".".join(map(str, first.place[:2]))
            message = (
                f"{claim.host} belongs to the egress path `{first.path}` ({holder}),"
                f" and cannot be asked by `{claim.path}` too"
            )
            yield Fault(claim.place, message, "give both the same egress path")
