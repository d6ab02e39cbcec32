"""A body that does not fit its type: msgspec's words as ours."""

import msgspec

from portico.errors import MalformedRequest


def refusal(exc: msgspec.ValidationError) -> MalformedRequest:
    """Return msgspec's words (`Expected …, got … - at $.path`) as ours; no value is repeated."""
    said, _, path = str(exc).rpartition(" - at ")
    if not path.startswith("`$"):
        said, path = str(exc), ""
    place = path.strip("`").removeprefix("$").removeprefix(".")
    for words in ("missing required field", "contains unknown field"):
        if words in said:
            name = said.rpartition("field ")[2].strip("`")[:100]
            place = f"{place}.{name}" if place else name
            said = "is missing" if "missing" in words else "is no field here"
            return MalformedRequest(f"`{place}` {said}.", param=place)
    if said.startswith("Invalid enum value"):  # which msgspec repeats, however long it is
        said = "Is none of the values known here"
    where = f"`{place}`" if place else "The body"
    return MalformedRequest(f"{where}: {said[0].lower()}{said[1:]}.", param=place or None)
