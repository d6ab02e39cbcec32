"""Links out of files or standard input into the operator's file, and what became of each."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from portico.egress.tunnels.store import Imported, import_links, load, save

MOST = 1_000_000
"""Bytes of links that are read from one source."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import came to: lines for a person, without secrets."""

    told: tuple[str, ...]
    """The new tunnels, and what should be known of them."""
    refused: tuple[str, ...]


def take(path: Path, sources: Iterable[tuple[str, bytes]]) -> Taken:
    """
    Add the links of *sources* (a name for messages, and the text) to the file at *path*.

    The file is made if it is missing, and written once if there is anything new.

    Raises:
        ConfigError: the file is there and cannot be taken as it is.
        OSError: it cannot be written.
    """
    known = load(path) if path.exists() else ()
    inlets, told, refused = known, list[str](), list[str]()
    for name, content in sources:
        found = import_links(content.decode("utf-8-sig", "replace"), inlets)
        inlets += found.inlets
        told += _told(found)
        refused += [f"{name}:{line}: {why}" for line, why in found.refused]
    if len(inlets) > len(known):
        save(path, inlets)
    return Taken(tuple(told), tuple(refused))


def _told(found: Imported) -> list[str]:
    lines = []
    for inlet in found.inlets:
        lines.append(f"{inlet.name}: taken, port {inlet.port}")
        lines += [f"  note: {caution}" for name, caution in found.cautions if name == inlet.name]
    return lines
