"""Settings: what is in force, and where did it come from?"""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct
from starlette.responses import Response

from portico.console.visit import Visit
from portico.errors import ConfigError

WORKS = (
    ("backup", "Writes what all stores hold to a file in $PORTICO_HOME/backups."),
    (
        "drill",
        "Plays faults against your routes, in a process of its own; asks nobody real.",
    ),
)
"""What can be set going, and what it does."""


class Setting(Struct, frozen=True):
    """One value, as the file would write it; `origin` is builtin, file or environment."""

    key: str
    value: str
    origin: str
    variables: tuple[str, ...] = ()


async def show(visit: Visit) -> Response:
    """Show every value with its origin; secrets stay masked."""
    return await _shown(visit)


async def _shown(visit: Visit, problems: tuple[str, ...] = (), code: int = 200) -> Response:
    file: str = ""
    sections: dict[str, list[Setting]] = {}
    try:
        found = await visit.here.operating.effective()
    except ConfigError as exc:  # the file was broken after it was read
        problems = problems or tuple(str(one) for one in exc.problems)
    else:
        file = str(found["file"] or "")
        for setting in settings(found):
            sections.setdefault(setting.key.partition(".")[0], []).append(setting)
    return visit.page(
        "settings",
        code,
        file=file,
        sections=sections,
        problems=problems,
        works=[(name, what, visit.here.works.last.get(name)) for name, what in WORKS],
        polling=visit.here.polling,
        version=visit.here.gateway.house.catalog.version,
        said=visit.request.query_params.get("said", ""),
    )


def settings(found: Mapping[str, Any]) -> list[Setting]:
    """Return every value of an effective configuration, one a line."""
    origins, variables = found["origins"], found["variables"]
    return [
        Setting(key, _written(value), _origin(key, origins), _names(key, variables))
        for key, value in _leaves(found["values"], "")
    ]


def _leaves(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, value


def _written(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, Mapping):
        return "{}"
    return str(value)


def _origin(key: str, origins: Mapping[str, str]) -> str:
    """Return the origin of *key*, or of what it lies in."""
    while key not in origins and "." in key:
        key = key.rpartition(".")[0]
    return origins.get(key, "builtin")


def _names(key: str, variables: Mapping[str, Any]) -> tuple[str, ...]:
    within = [names for place, names in variables.items() if place == key]
    inside = [names for place, names in variables.items() if place.startswith(f"{key}[")]
    return tuple(name for names in (*within, *inside) for name in names)


async def begin(visit: Visit) -> Response:
    """Set a work going; how it goes is on the page."""
    name = visit.request.path_params["name"]
    if not visit.here.works.begin(name, visit.caller.known):
        return visit.to("/console/settings", f"A {name} is under way already.")
    await visit.noted(f"{name}.begun", "by the console")
    return visit.to("/console/settings", f"The {name} has begun: look again in a moment.")


async def reload(visit: Visit) -> Response:
    """Read the configuration again; a bad one is refused with its faults, the old one stays."""
    if problems := await visit.here.reload():
        return await _shown(visit, tuple(str(problem) for problem in problems), 422)
    version = visit.here.gateway.house.catalog.version
    await visit.noted("catalog.reloaded", version)
    return visit.to("/console/settings", f"The configuration was read: catalog {version}.")
