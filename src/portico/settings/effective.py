"""What is in force, without secrets, and where it came from."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import SecretStr

from portico.settings.addresses import shown
from portico.settings.model import Settings
from portico.settings.places import Place, dotted


def effective(settings: Settings) -> dict[str, Any]:
    """
    Return *settings* for people: `{file, values, origins, variables}`.

    `values` is shaped like the file, complete with defaults; a secret is `***`, an address is
    shown without its credentials. `origins` maps every dotted key to `builtin`, `file` or
    `environment`; `variables` maps those with a `${…}` to the names they read, set or not.
    """
    plain = values(settings)
    source = settings.source
    return {
        "file": source.file,
        "values": plain,
        "origins": {dotted(place): str(source.origin(place)) for place in _leaves(plain, ())},
        "variables": {dotted(place): list(names) for place, names in source.variables.items()},
    }


def values(settings: Settings) -> dict[str, Any]:
    """Return the settings as plain values that JSON can carry, without secrets."""
    dumped = settings.model_dump()
    return {section: _plain(value, (section,)) for section, value in dumped.items()}


def _plain(value: Any, place: Place) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(inner, (*place, name)) for name, inner in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(inner, (*place, index)) for index, inner in enumerate(value)]
    if isinstance(value, SecretStr):
        return _told(value.get_secret_value(), place)
    return value


def _told(secret: str, place: Place) -> str:
    if place[0] in ("stores", "egress"):
        return shown(secret)
    return "***" if secret else ""


def _leaves(value: Any, place: Place) -> Iterator[Place]:
    if isinstance(value, dict) and (value or not place):
        for name, inner in value.items():
            yield from _leaves(inner, (*place, name))
    else:
        yield place
