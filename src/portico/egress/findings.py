"""What was found when somebody looked whether traffic leaves as it should."""

from enum import StrEnum

from msgspec import Struct


class Check(StrEnum):
    """What was looked at."""

    EXIT = "exit"  # the tunnel comes out where it should
    SERVICE = "service"  # the provider is reached by it, and serves there
    CLOSED = "closed"  # this process has no way out of its own
    NAMES = "names"  # and nobody to ask for names
    REFUSALS = "refusals"  # a listener carries its own path's hosts, and no others
    COUNTERS = "counters"  # the sidecars' firewalls have held nothing back
    CONTROL = "control"  # whoever has a way out can leak: the network is not merely dead


class Finding(Struct, frozen=True, kw_only=True):
    """
    One thing that was looked at. `level` is ok, note or error; `mend` says what to do.

    `leak` is true where traffic could leave, or tried to leave, another way; `packets` is what a
    firewall has held back since it counts, of counters that could be read.
    """

    level: str
    check: Check
    where: str
    what: str
    mend: str = ""
    leak: bool = False
    packets: int | None = None

    def __str__(self) -> str:
        mend = f"\n       mend: {self.mend}" if self.mend else ""
        return f"{self.level:5}  {self.check:8}  {self.where}: {self.what}{mend}"


class Guarded(Struct, frozen=True):
    """What the last look around found, `age` seconds ago."""

    leak_possible: bool
    age: float
    findings: tuple[Finding, ...]


def fine(check: Check, where: str, what: str) -> Finding:
    """It is as it should be."""
    return Finding(level="ok", check=check, where=where, what=what)


def unknown(check: Check, where: str, what: str, mend: str) -> Finding:
    """Nobody can tell."""
    return Finding(level="note", check=check, where=where, what=what, mend=mend)


def wrong(check: Check, where: str, what: str, mend: str) -> Finding:
    """It is not as it should be, and nothing leaks by that."""
    return Finding(level="error", check=check, where=where, what=what, mend=mend)


def leak(check: Check, where: str, what: str, mend: str) -> Finding:
    """Traffic may leave another way."""
    return Finding(level="error", check=check, where=where, what=what, mend=mend, leak=True)
