"""Somebody who is to be forgotten, as all stores know them. Pure."""

from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, slots=True)
class Whom:
    """`people` are the ids of one person, `keys` the ids of the keys that are theirs alone."""

    people: frozenset[str]
    keys: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def named(cls, *people: str) -> Self:
        """Return the person of these ids, who has no key."""
        return cls(frozenset(people))

    @property
    def owners(self) -> frozenset[str]:
        """Under what pictures, streams and answers are theirs."""
        return self.people | self.keys

    def is_meant(self, person: str | None, caller: str | None) -> bool:
        """Return whether what came by the key *caller* for *person* is theirs."""
        return person in self.people or (person is None and caller in self.keys)
