"""
The numbered steps by which a store's tables came to be, the same for every kind of database.

A step is a file `NNNN_name.sql` in `migrations/<kind>/` of the room that owns the tables. It is
applied once, in order; once released it is never edited. How steps are written so that the
version before goes on working: docs/operations/stores.md.
"""

import re
from dataclasses import dataclass
from importlib.resources import files

from portico.errors import ConfigError, Problem

_MADE = re.compile(r"CREATE TABLE (?:IF NOT EXISTS )?(?:portico\.)?(\w+)")
_GONE = re.compile(r"DROP TABLE (?:IF EXISTS )?(?:portico\.)?(\w+)")


@dataclass(frozen=True, slots=True)
class Migration:
    """One step. Applied once, in order, inside one transaction with its version number."""

    number: int
    name: str
    statements: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """All steps of the tables that *room* owns; *what* names them to an operator."""

    room: str
    what: str
    all: tuple[Migration, ...]

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that are there after all steps, those before that others refer to."""
        found: dict[str, None] = {}
        for step in self.all:
            for statement in step.statements:
                if made := _MADE.match(statement):
                    found[made[1]] = None
                elif gone := _GONE.match(statement):
                    found.pop(gone[1], None)
        return tuple(found)

    @property
    def newest(self) -> int:
        """The number that this version of the program knows as its last."""
        return self.all[-1].number

    def after(self, have: int | None) -> tuple[Migration, ...]:
        """
        Return the steps that a database at *have* still needs (None: it is empty).

        Raises:
            ConfigError: a newer version of this program wrote it.
        """
        if (have or 0) > self.newest:
            raise ConfigError((self._newer(have or 0),))
        return tuple(step for step in self.all if step.number > (have or 0))

    def _newer(self, have: int) -> Problem:
        return Problem(
            f"{self.what}: schema {have}, this version knows {self.newest}",
            remedy="run the newer version, restore a backup of this one, or use another place",
        )


def steps(room: str, kind: str, what: str) -> Steps:
    """Return the steps of `portico.<room>` for `sqlite` or `postgres`; reads the package."""
    found = files(f"portico.{room}").joinpath("migrations", kind).iterdir()
    scripts = sorted((one for one in found if one.name.endswith(".sql")), key=lambda one: one.name)
    read = tuple(migration(script.name, script.read_text("utf-8")) for script in scripts)
    return Steps(room, what, read)


def migration(filename: str, text: str) -> Migration:
    """Read one step. Pure."""
    number, _, name = filename.removesuffix(".sql").partition("_")
    bare = "\n".join(line.partition("--")[0] for line in text.splitlines())
    # Our scripts hold neither semicolons nor dashes in strings, nor triggers.
    statements = tuple(part.strip() for part in bare.split(";") if part.strip())
    return Migration(int(number), name.replace("_", " "), statements)
