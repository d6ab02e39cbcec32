"""What ships with the package and never changes under its address: styles, scripts, a picture."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable

KINDS = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "webp": "image/webp",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes and type."""

    content: bytes
    kind: str


@dataclass(frozen=True, slots=True)
class Assets:
    """All of them, by name, and the version that stands in their addresses."""

    files: Mapping[str, Asset]
    version: str

    def address(self, name: str) -> str:
        """Return where *name* is; raises KeyError if there is no such file."""
        self.files[name]
        return f"/console/static/{self.version}/{name}"


def load() -> Assets:
    """Read them from the package."""
    found = dict(_read(files("portico.console").joinpath("static"), ""))
    digest = blake2b(digest_size=8)
    for name in sorted(found):
        digest.update(name.encode() + b"\0" + found[name].content)
    return Assets(found, digest.hexdigest())


def _read(folder: Traversable, prefix: str) -> list[tuple[str, Asset]]:
    found: list[tuple[str, Asset]] = []
    for entry in folder.iterdir():
        end = entry.name.rpartition(".")[2]
        if entry.is_dir():
            found += _read(entry, f"{prefix}{entry.name}/")
        elif end in KINDS:
            found.append((prefix + entry.name, Asset(entry.read_bytes(), KINDS[end])))
    return found
