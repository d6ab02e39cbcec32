"""Keys as a person at the command line reads and writes them."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from msgspec import to_builtins

from portico.access.base import Key

_SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
LONGEST = 100 * 366 * 86_400
"""Seconds of the longest lifetime: later years do not fit a date."""


def lifetime(text: str) -> float:
    """
    Return the seconds that `90m`, `12h`, `30d` or `2w` last.

    Raises:
        ValueError: it is nothing of the kind, or longer than a century.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,8})([mhdw])", text, re.ASCII)
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 0 < seconds <= LONGEST:
        raise ValueError("not a lifetime: write 90m, 12h, 30d or 2w")
    return float(seconds)


def dollars(text: str) -> Decimal:
    """
    Return a budget in US dollars: `5`, `2.50`.

    Raises:
        ValueError: it is no amount, or not exact to the nano-dollar.
    """
    if not re.fullmatch(r"\$?[0-9]{1,9}(\.[0-9]{1,9})?", text, re.ASCII):
        raise ValueError("not an amount: write 5 or 2.50")
    return Decimal(text.lstrip("$"))


def table(keys: Sequence[Key], now: float) -> str:
    """Return one line a key under a line of headings; no secrets."""
    rows = [("ID", "NAME", "KEY", "CREATED (UTC)", "EXPIRES (UTC)", "STATE", "MAY")]
    for key in keys:
        expires = "never" if key.expires is None else moment(key.expires)
        shown = f"pk-…{key.last4}"
        rows.append(
            (key.id, key.name, shown, moment(key.created), expires, key.state(now), may(key))
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(map(str.ljust, row, widths)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def may(key: Key) -> str:
    """Return in a few words what is special about *key*: whose it is, and what bounds it."""
    flags = [word for word, is_so in (("admin", key.admin), ("front end", key.trusted)) if is_so]
    whose = [f"of {one}" for one in (key.person, key.team) if one]
    terms = to_builtins(key.terms)
    for name in ("roles", "targets"):
        if name in terms:
            terms[name] = "/".join(sorted(terms[name])) or "none"
    bounds = [f"{name.replace('_', '-')} {value}" for name, value in terms.items()]
    return ", ".join([*flags, *whose, *bounds]) or "ask"


def issued(key: Key, required: bool | str) -> tuple[str, str]:
    """
    Return what is said before and after the text of a new key.

    *required* is the configuration's `access.required`.
    """
    until = "it is revoked" if key.expires is None else f"{moment(key.expires)} UTC"
    before = f"{key.id} ({key.name}), good until {until}. It is shown only now:"
    after = (
        "Use it where an OpenAI client asks for its API key (OPENAI_API_KEY), or as the header\n"
        "`Authorization: Bearer pk-…`."
    )
    if required is False:
        after += "\nNobody is asked for a key here, though: access.required is false."
    if required == "auto":
        after += "\nWhoever has none is refused from now on."
    return before, after


def moment(seconds: float) -> str:
    """Return a time of the world (epoch seconds) to the minute, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
