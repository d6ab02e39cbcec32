"""The numbered steps by which a store's tables came to be."""

from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. Applied once, in order, inside one transaction."""

    number: int
    name: str
    statements: tuple[str, ...]


def migrations(store: str) -> tuple[Migration, ...]:
    """Return the steps of *store* (`sqlite`), in order; reads them from the package."""
    scripts = [
        script
        for script in files("portico.ledger.migrations").joinpath(store).iterdir()
        if script.name.endswith(".sql")
    ]
    return tuple(
        _migration(script.name, script.read_text("utf-8"))
        for script in sorted(scripts, key=lambda script: script.name)
    )


def _migration(filename: str, text: str) -> Migration:
    number, _, name = filename.removesuffix(".sql").partition("_")
    bare = "\n".join(line.partition("--")[0] for line in text.splitlines())
    # Our scripts hold neither semicolons nor dashes in strings, nor triggers.
    statements = tuple(part.strip() for part in bare.split(";") if part.strip())
    return Migration(int(number), name.replace("_", " "), statements)
