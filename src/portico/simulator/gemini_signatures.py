"""Thought signatures: issued so that they can be recognised without being remembered."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from portico.simulator.problems.google import invalid, missing_signature
from portico.simulator.questions import JSON
from portico.simulator.scripts import Refused

DUMMIES = ("context_engineering_is_the_way_to_go", "skip_thought_signature_validator")
ACCEPTED = frozenset(DUMMIES) | {base64.b64encode(dummy.encode()).decode() for dummy in DUMMIES}
STRICT = re.compile(r"gemini-([3-9]|\d\d)")
PREFIX = b"simulated:"


def text_signature(model: str) -> str:
    """Return the signature on the last part of a text answer of *model*."""
    return _issued(model, "text")


def call_signature(model: str, name: str, arguments: Any) -> str:
    """Return the signature on a function call's part; it fits no other part and no other model."""
    order = msgspec.json.Encoder(order="deterministic")
    return _issued(model, f"{name}({order.encode(arguments or {}).decode()})")


def check_signatures(model: str, contents: Sequence[Any]) -> None:
    """
    Make sure that every signature is ours and where it was issued, and that none is missing.

    Missing is only what the current turn needs: the first function call of each step since the
    user last spoke, for Gemini 3 and later.

    Raises:
        Refused: with Google's words for it.
    """
    begins = _current_turn(contents)
    for position, content in enumerate(contents):
        parts = [part for part in _field(content, "parts", "parts") or () if part]
        for part in parts:
            _check_present(model, part)
        if position >= begins and STRICT.match(model):
            _check_first_call(parts, position)


def _check_first_call(parts: Sequence[Any], position: int) -> None:
    first = next((part for part in parts if _call(part)), None)
    if first is not None and not _signature(first):
        raise Refused(missing_signature(str(_call(first).get("name")), position + 1))


def _check_present(model: str, part: Any) -> None:
    signature = _signature(part)
    if not signature or signature in ACCEPTED:
        return
    call = _call(part)
    wanted = text_signature(model)
    if call:
        wanted = call_signature(model, str(call.get("name")), call.get("args"))
    if signature != wanted:
        ours = _decoded(signature).startswith(PREFIX)
        raise Refused(
            invalid("Corrupted thought signature." if ours else "Invalid thought signature.")
        )


def _current_turn(contents: Sequence[Any]) -> int:
    """Return where the user last spoke; a function's result is not the user speaking."""
    for position in range(len(contents) - 1, -1, -1):
        parts = _field(contents[position], "parts", "parts") or ()
        spoken = any(not _field(part, "functionResponse", "function_response") for part in parts)
        if _field(contents[position], "role", "role") != "model" and spoken:
            return position
    return 0


def _issued(model: str, what: str) -> str:
    digest = hashlib.sha256(f"{model}\n{what}".encode()).hexdigest()
    return base64.b64encode(PREFIX + digest.encode()).decode()


def _decoded(signature: str) -> bytes:
    try:
        return base64.b64decode(signature)
    except ValueError:
        return b""


def _call(part: Any) -> JSON:
    found: JSON = _field(part, "functionCall", "function_call") or {}
    return found


def _signature(part: Any) -> str:
    return str(_field(part, "thoughtSignature", "thought_signature") or "")


def _field(value: Any, camel: str, snake: str) -> Any:
    if not isinstance(value, Mapping):
        return None
    return value.get(camel) if value.get(camel) is not None else value.get(snake)
