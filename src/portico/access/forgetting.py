"""What deeds say of somebody who is forgotten: that something was done, and not to whom. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from portico.access.base import Deed, digest
from portico.stores.whom import Whom

FORGOTTEN = "person.forgotten"
"""What the deed is called; its `after` holds `marks`, and counts by store."""

type Marks = Mapping[str, str]
"""What stands in the place of each id of a person and their keys."""


def mark(secret: bytes, ident: str) -> str:
    """Return what stands for *ident*: whoever has the secret and the id can tell it again."""
    return f"forgotten_{digest(secret, f'forgotten {ident}'.encode()).hex()[:16]}"


def marks_of(whom: Whom, secret: bytes) -> Marks:
    """Return the mark of everything that *whom* is known by."""
    return {ident: mark(secret, ident) for ident in sorted(whom.owners)}


def without(deed: Deed, marks: Marks) -> Deed:
    """Return *deed* with marks in the place of names, and without what it changed if that names."""
    named = any(one in marks for one in _strings((deed.before, deed.after)))
    about, by = _marked(deed.about, marks), _marked(deed.by, marks)
    if about != deed.about or named:
        return replace(deed, by=by, about=about, before=None, after=None)
    return deed if by == deed.by else replace(deed, by=by)


def changed(deeds: Iterable[Deed], marks: Marks) -> Sequence[Deed]:
    """Return those of *deeds* that name somebody of *marks*, as they are to be."""
    both = ((deed, without(deed, marks)) for deed in deeds)
    return [new for old, new in both if new != old]


def _marked(told: str, marks: Marks) -> str:
    """Deeds name a person by their id, and a key by its id and, after it, its name."""
    key = told.partition(" ")[0] if told.startswith("key_") else told
    return marks.get(told) or marks.get(key) or told


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _strings(one)
