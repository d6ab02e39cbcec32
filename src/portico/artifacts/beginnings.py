"""Whether a download begins like a picture: what does not is not downloaded. Pure."""

from xml.parsers import expat

from portico.artifacts.intake import kind_of

_SIGNED = 64  # bytes: more than any signature
_DRAWN = 16 * 1024  # bytes within which an SVG has come to its first element


def begins_picture(head: bytes, *, whole: bool) -> bool | None:
    """
    Say whether *head* begins a picture of a kind we know; None: not without the next bytes.

    Always decided once *head* is the *whole* content, or has 16 KB.
    """
    if len(head) < _SIGNED and not whole:
        return None
    kind = kind_of(head)
    if kind != "image/svg+xml":  # `kind_of` says so of everything that begins with "<"
        return kind is not None
    root = _root(head[:_DRAWN])
    if root is None and not whole and len(head) < _DRAWN:
        return None
    return root is not None and root.rpartition(":")[2] == "svg"


def _root(head: bytes) -> str | None:
    """Return the name of the first element; "" if there will be none, None if none has come."""
    found: list[str] = []

    def declared(*_: object) -> None:
        raise _NotTaken

    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda name, _: found.append(name)
    parser.EntityDeclHandler = declared  # `svg` takes none either
    try:
        parser.Parse(head, False)
    except (expat.ExpatError, _NotTaken):
        return found[0] if found else ""
    return found[0] if found else None


class _NotTaken(Exception):
    pass
