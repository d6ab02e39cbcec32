"""What pydantic found, in the words of an operator."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from portico.settings.model import Settings
from portico.settings.places import Fault, Place

MESSAGES: Mapping[str, tuple[str, str]] = {
    "missing": ("is required", "add it"),
    "model_type": ("must hold keys", "indent its keys below it"),
    "mapping_type": ("must hold keys", "indent its keys below it"),
    "dict_type": ("must hold keys", "indent its keys below it"),
    "tuple_type": ("must be a list", "write [one, two]"),
    "string_type": ("must be text", "write it in quotes"),
    "int_type": ("must be a whole number", "write digits"),
    "int_parsing": ("must be a whole number", "write digits"),
    "int_from_float": ("must be a whole number", "write digits"),
    "float_type": ("must be a number", "write digits, for example 0.5"),
    "float_parsing": ("must be a number", "write digits, for example 0.5"),
    "finite_number": ("must be a number", "write digits, for example 0.5"),
    "value_error": ("must be a number", "write digits, for example 0.5"),
    "greater_than": ("must be greater than {gt}", "raise it"),
    "greater_than_equal": ("must be at least {ge}", "raise it"),
    "less_than_equal": ("must be at most {le}", "lower it"),
    "too_short": ("must name at least one", "write [one, two], or remove the whole entry"),
    "string_too_short": ("must not be empty", "write its value"),
    "byte_size": ("must be a size in bytes", "write 50MB"),
}
"""By pydantic's error type; a type that is not here keeps pydantic's message."""

BOUNDS = frozenset({"gt", "ge", "le"})


def complaint(error: ErrorDetails) -> Fault:
    """Return *error* as a fault; values are never quoted, they may be secret."""
    place: Place = error["loc"]
    if error["type"] == "extra_forbidden":
        return Fault(place, "is not a known key", meant(str(place[-1]), _keys(place)))
    if error["input"] is None:
        return Fault(place, "has no value", "remove the key or give it a value")
    context = error.get("ctx", {})
    if error["type"] == "literal_error":
        return _unlisted(place, str(context["expected"]), str(error["input"]))
    message, remedy = MESSAGES.get(error["type"], (error["msg"], "mend it"))
    numbers = {name: f"{bound:g}" for name, bound in context.items() if name in BOUNDS}
    return Fault(place, message.format_map(numbers), remedy)


def _unlisted(place: Place, expected: str, given: str) -> Fault:
    listed = expected.replace(" or ", ", ").replace("'", "").split(", ")
    close = get_close_matches(given, listed, n=1)
    remedy = f"did you mean `{close[0]}`?" if close else "write one of them"
    return Fault(place, f"must be {expected}", remedy)


def meant(word: str, known: Iterable[str]) -> str:
    """Return the remedy for a word that is none of *known*."""
    names = list(known)
    close = get_close_matches(word, names, n=1)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"known here: {', '.join(names)}" if names else "define it"


def _keys(place: Place) -> list[str]:
    section: type[BaseModel] = Settings
    parts = iter(place[:-1])
    for part in parts:
        field = section.model_fields[str(part)]
        section = _section(field) or section
        if field.default_factory is dict:
            next(parts, None)  # the name of an entry
    return list(section.model_fields)


def _section(field: FieldInfo) -> type[BaseModel] | None:
    def models(annotation: Any) -> Iterable[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        for inner in get_args(annotation):
            yield from models(inner)

    return next(iter(models(field.annotation)), None)
