"""A small instance of a JSON Schema, or of Gemini's upper-case subset of one."""

from collections.abc import Mapping
from math import ceil
from typing import Any

type Schema = Mapping[str, Any]

DEEP = 12
"""Nesting at which recursive schemas are closed with whatever is shortest."""

MOST = 10_000
"""Values, and characters of a string, that one instance may have."""

FORMATS = {
    "date": "2026-11-22",
    "date-time": "2026-11-22T12:00:00Z",
    "time": "12:00:00Z",
    "email": "simulated@example.com",
    "uri": "https://example.com/simulated",
    "url": "https://example.com/simulated",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
    "duration": "PT1S",
}


def instance(schema: Schema, name: str = "value") -> Any:
    """
    Return a value that satisfies *schema*; the same one every time.

    Knows type, enum, const, required, items, prefixItems, bounds of numbers, strings and arrays,
    anyOf, oneOf, allOf, local $ref and the common formats. Patterns are not solved. Optional
    properties are left out; strings are made from the property's *name*.

    Raises:
        ValueError: it would be larger than anybody would write. What is no schema at all raises
            whatever comes of reading it.
    """
    return _Maker(schema).make(schema, name, 0)


class _Maker:
    """Holds the root, which local references point into."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self.made = 0

    def make(self, schema: Any, name: str, depth: int) -> Any:
        self.made += 1
        if self.made > MOST:
            raise ValueError("too large an instance")
        if not isinstance(schema, Mapping):  # `true` allows anything
            return f"simulated {name}"
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        makers = {
            "object": self._object,
            "array": self._array,
            "integer": _number,
            "number": _number,
            "boolean": _true,
            "null": _null,
        }
        return makers.get(_kind(schema), _string)(schema, name, depth)

    def _resolved(self, schema: Schema, depth: int) -> Schema:
        """Follow references and choose among alternatives until a plain schema is left."""
        for _ in range(DEEP):
            if "$ref" in schema:
                schema = _without(schema, "$ref") | dict(self._referred(str(schema["$ref"])))
            elif "allOf" in schema:
                schema = _merged(_without(schema, "allOf"), schema["allOf"])
            elif options := schema.get("anyOf") or schema.get("oneOf"):
                chosen = _simplest(options) if depth >= DEEP else options[0]
                schema = _merged(_without(schema, "anyOf", "oneOf"), [chosen])
            else:
                break
        return schema

    def _referred(self, pointer: str) -> Schema:
        found: Any = self.root
        for step in pointer.removeprefix("#").split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            found = found.get(key, {}) if isinstance(found, Mapping) else {}
        return found if isinstance(found, Mapping) else {}

    def _object(self, schema: Schema, _name: str, depth: int) -> dict[str, Any]:
        properties = schema.get("properties") or {}
        wanted = [*schema.get("required", ())]
        spare = [key for key in properties if key not in wanted]
        wanted += spare[: max(0, schema.get("minProperties", 0) - len(wanted))]
        return {key: self.make(properties.get(key, {}), key, depth + 1) for key in wanted}

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        first = [self.make(item, name, depth + 1) for item in schema.get("prefixItems", ())]
        least = schema.get("minItems", 0 if depth >= DEEP else 1)
        least = min(max(int(least), 0 if depth >= DEEP else 1), int(schema.get("maxItems", 2**31)))
        if "items" in schema and schema["items"] is False:
            return first
        rest = range(len(first), int(least))
        return first + [self.make(schema.get("items", {}), name, depth + 1) for _ in rest]


def _kind(schema: Schema) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind).lower()


def _string(schema: Schema, name: str, _depth: int) -> str:
    if schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]
    least = int(schema.get("minLength", 0))
    if least > MOST:
        raise ValueError("too long a string")
    text = f"simulated {name}".ljust(least, ".")
    return text[: int(schema.get("maxLength", len(text)))]


def _number(schema: Schema, _name: str, _depth: int) -> int | float:
    step = schema.get("multipleOf", 1)
    low, high = _bounds(schema, step)
    if low <= 1 <= high and step == 1:
        return 1
    found = ceil(low / step) * step if low > float("-inf") else min(step, high)
    return found if found <= high else (low + high) / 2


def _bounds(schema: Schema, step: float) -> tuple[float, float]:
    low, high = schema.get("minimum", float("-inf")), schema.get("maximum", float("inf"))
    inside = step if _kind(schema) == "integer" else min(step, 0.001)
    if "exclusiveMinimum" in schema:
        low = max(low, schema["exclusiveMinimum"] + inside)
    if "exclusiveMaximum" in schema:
        high = min(high, schema["exclusiveMaximum"] - inside)
    return low, high


def _true(_schema: Schema, _name: str, _depth: int) -> bool:
    return True


def _null(_schema: Schema, _name: str, _depth: int) -> None:
    return None


def _without(schema: Schema, *keys: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key not in keys}


def _merged(base: dict[str, Any], parts: list[Schema]) -> dict[str, Any]:
    for part in parts:
        properties = {**base.get("properties", {}), **part.get("properties", {})}
        required = [*base.get("required", ()), *part.get("required", ())]
        base = {**base, **part}
        if properties:
            base["properties"] = properties
        if required:
            base["required"] = list(dict.fromkeys(required))
    return base


def _simplest(options: list[Schema]) -> Schema:
    """Prefer what cannot recurse: null, then anything that is no object, array or reference."""

    def rank(option: Schema) -> int:
        kind = str(option.get("type", "")).lower()
        return 0 if kind == "null" else 2 if "$ref" in option or kind in ("object", "array") else 1

    return min(options, key=rank)
