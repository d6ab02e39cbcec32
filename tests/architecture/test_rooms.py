"""The shape of the house: rooms named by nouns, modules that fit in a head."""

import ast
import re
from pathlib import Path

import pytest

import portico

ROOT = Path(portico.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
ROOMS = [path for path in MODULES if path.name == "__init__.py"]
MOST_LINES = 400
NO_NOUNS = {"util", "helper", "common", "core", "manager", "service", "misc"}


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("module", MODULES, ids=_named)
def test_a_module_fits_in_a_head(module: Path) -> None:
    lines = module.read_text().count("\n")
    assert lines <= MOST_LINES, f"{_named(module)} has {lines} lines: it holds two nouns"


@pytest.mark.parametrize("module", MODULES, ids=_named)
def test_a_module_is_named_for_what_it_holds(module: Path) -> None:
    words = {word.rstrip("s") for part in module.relative_to(ROOT).parts for word in _words(part)}
    assert not words & NO_NOUNS, "the domain is missing a noun: find it"


def _words(part: str) -> list[str]:
    return part.removesuffix(".py").split("_")


@pytest.mark.parametrize("room", ROOMS, ids=_named)
def test_a_room_says_in_a_sentence_what_belongs_in_it(room: Path) -> None:
    tree = ast.parse(room.read_text())
    said = (ast.get_docstring(tree) or "").split("\n\n")[0]
    assert said.endswith("."), "a sentence"
    assert "\n" not in said, "on one line"


def test_every_folder_of_modules_is_a_room() -> None:
    folders = {module.parent for module in MODULES}
    assert folders == {room.parent for room in ROOMS}


@pytest.mark.parametrize("module", MODULES, ids=_named)
def test_whoever_catches_everything_says_which_door_it_is(module: Path) -> None:
    """There are three: a vendor's adapter, a background task's supervisor, the edge to HTTP."""
    lines = [line for line in module.read_text().splitlines() if CATCH_ALL.match(line)]
    assert [line for line in lines if not DOOR.search(line)] == []


CATCH_ALL = re.compile(r"\s*except(?: Exception\b.*| \(.*\bException\b.*)?:")
DOOR = re.compile(r"# .*\b(?:vendor adapter|supervisor|edge)\b")


def test_nothing_is_global_and_mutable() -> None:
    found = [
        _named(path)
        for path in MODULES
        if any(isinstance(node, ast.Global) for node in ast.walk(ast.parse(path.read_text())))
    ]
    assert found == []
