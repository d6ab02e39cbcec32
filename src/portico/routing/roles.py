"""Roles (public names for a kind of work) and the catalog of roles and targets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from msgspec import Struct

from portico.routing.tiers import Target


class Role(Struct, frozen=True):
    """A public name (`model` on the wire) and the targets that may play it, in order of asking."""

    name: str
    targets: tuple[str, ...]
    description: str = ""
    max_attempts: int = 4
    rescue: str = "continue"  # off | continue
    hedge_after: float | Literal["learned"] | None = None
    refused: str = "stop"  # stop | next: what a provider's policy refusal leads to
    old_pictures: str = "keep"  # keep | last_n | stub: what becomes of pictures of earlier turns
    last_n: int = 4  # pictures that `last_n` keeps
    hand_down: bool = False  # a blind target may be told what a picture shows, if all else fails


@dataclass(frozen=True, slots=True)
class Catalog:
    """An immutable snapshot of the configuration; a reload replaces it whole."""

    targets: Mapping[str, Target]
    roles: Mapping[str, Role]
    version: str = ""
    embedders: Mapping[str, Target] = field(default_factory=dict)  # nobody can chat with them
    parked: Mapping[str, str] = field(default_factory=dict)  # who is not to be asked, and why

    def target(self, name: str) -> Target | None:
        """Return the target of that public name."""
        return self.targets.get(name)
