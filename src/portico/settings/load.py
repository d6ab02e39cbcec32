"""File and environment to settings, or every reason why not."""

from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path

from pydantic import ValidationError

from portico.errors import ConfigError, Problem
from portico.settings.check import check
from portico.settings.complaints import complaint
from portico.settings.document import Document, parse, read
from portico.settings.environment import fill
from portico.settings.merge import REPLACED, merge
from portico.settings.model import Settings
from portico.settings.names import check_names
from portico.settings.places import Fault, Place, Source, Value

BUILTIN = "builtin.yaml"


def load_settings(path: Path | None, environ: Mapping[str, str]) -> Settings:
    """
    Return the settings of the file at *path* over the built-in catalog; None: the latter alone.

    Raises:
        ConfigError: with all problems found, in the order of the file's lines.
    """
    builtin = parse(files("portico.settings").joinpath(BUILTIN).read_text("utf-8"), BUILTIN)
    file = read(path) if path else Document({}, {})
    merged = merge(builtin.tree, file.tree)
    filled = fill(merged.tree, environ)
    source = Source(
        file=str(path) if path else "",
        lines=file.lines,
        variables=filled.variables,
        found=filled.found,
        left_out=merged.left_out,
        borrowed=merged.borrowed,
    )
    settings, faults = _validated(filled.tree, source)
    faults += [*check_names(filled.tree, builtin.tree, source), *check(settings)]
    problems = _problems(source, [*file.faults, *filled.faults, *_beside(filled.faults, faults)])
    if problems:
        raise ConfigError(problems)
    return settings


def _validated(tree: dict[str, Value], source: Source) -> tuple[Settings, list[Fault]]:
    """Return the settings that the sound entries of *tree* make, and what is wrong with others."""
    try:
        return Settings.model_validate(tree, context=source), []
    except ValidationError as error:
        errors = error.errors(include_url=False)
    sound = dict(tree)
    for place in (error["loc"] for error in errors):
        _drop(sound, place)
    return Settings.model_validate(sound, context=source), [complaint(error) for error in errors]


def _drop(tree: dict[str, Value], place: Place) -> None:
    section = str(place[0])
    entries = tree.get(section)
    if section in REPLACED and isinstance(entries, dict) and len(place) > 1:
        tree[section] = {name: entry for name, entry in entries.items() if name != place[1]}
    else:
        tree.pop(section, None)


def _beside(first: Iterable[Fault], then: Iterable[Fault]) -> list[Fault]:
    """Return those of *then* that are not mere consequences of *first*."""
    told = {fault.place for fault in first}
    return [fault for fault in then if fault.place not in told]


def _problems(source: Source, faults: Iterable[Fault]) -> tuple[Problem, ...]:
    problems = dict.fromkeys(source.problem(fault) for fault in faults)
    return tuple(sorted(problems, key=lambda problem: problem.line or 0))
