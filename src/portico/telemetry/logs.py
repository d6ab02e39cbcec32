"""Logs: one line an event, as JSON or for people; no bodies, no keys."""

import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import get_ident
from typing import TextIO

import msgspec

from portico.telemetry.observation import Observation
from portico.telemetry.redaction import redact

LONGEST = 8192
"""Characters of a message or a traceback that are printed."""

TOGETHER = 256
"""Lines that are held back at most."""

request_log = logging.getLogger("portico.request")

_encode = msgspec.json.Encoder(enc_hook=str).encode
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def configure(level: str, form: str, stream: TextIO) -> None:
    """
    Send all logs of this process to *stream*, replacing whoever wrote them before.

    `level` is one of logging's names in lower case, `form` is `json` or `text`. For the command
    line; an application embedded elsewhere leaves logging to its host.
    """
    handler = logging.StreamHandler(Outlet(stream))
    handler.setFormatter(JSONFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


class Outlet:
    """Writes lines to *stream*; those of a thread inside `one_write` leave together."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._held: dict[int, list[str]] = {}  # by thread

    def write(self, text: str) -> None:
        """Write *text*, or hold it back."""
        held = self._held.get(get_ident())
        if held is None:
            self._stream.write(text)
            return
        held.append(text)
        if len(held) >= TOGETHER:
            self._stream.write("".join(held))
            held.clear()

    def flush(self) -> None:
        """Bring what is not held back to where it goes."""
        if get_ident() not in self._held:
            self._stream.flush()

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Hold back what this thread writes, until the block is left."""
        held = self._held[get_ident()] = []
        try:
            yield
        finally:
            del self._held[get_ident()]
            self._stream.write("".join(held))
            self._stream.flush()


@contextmanager
def one_write() -> Iterator[None]:
    """Write what this thread logs in the block at its end: a write is dearer than a line."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and isinstance(handler.stream, Outlet):
            with handler.stream.holding():
                yield
            return
    yield


class JSONFormatter(logging.Formatter):
    """
    One JSON object a line: `time` (UTC), `level`, `logger`, `message`, and the event's fields.

    Fields come as `extra={"fields": {...}}`; where their names collide with ours, ours stay.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return *record* as one line of JSON, redacted."""
        ours: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _bounded(record.getMessage()),
        }
        line = {**ours, **_fields(record), **ours}  # our order, and our values
        if trace := _trace(record):
            line["exception"] = trace
        return redact(_encode(line).decode())


class TextFormatter(logging.Formatter):
    """For people at a terminal: time, level, logger, message, fields; tracebacks below."""

    def format(self, record: logging.LogRecord) -> str:
        """Return *record* as a line for people, redacted; control characters made visible."""
        fields = "".join(
            f" {name}={_encode(value).decode()}" for name, value in _fields(record).items()
        )
        message = _CONTROL.sub(_visible, _bounded(record.getMessage()))
        line = f"{_time(record)} {record.levelname.lower():<8} {record.name}: {message}{fields}"
        if trace := _trace(record):
            line = f"{line}\n{trace}"
        return redact(line)


def log_request(seen: Observation) -> None:
    """Write the one line a finished request leaves in the log."""
    if request_log.isEnabledFor(logging.INFO):
        # Made by hand: `info` would look through the stack for a line of code nobody asks for.
        record = logging.LogRecord(
            request_log.name, logging.INFO, __file__, 0, seen.outcome, None, None
        )
        record.fields = request_fields(seen)
        request_log.handle(record)


def request_fields(seen: Observation) -> dict[str, object]:
    """Return what the log says of a request; `attempts` names each target and how it ended."""
    tokens = seen.tokens
    return {
        "id": seen.id,
        "role": seen.role,
        "target": seen.target,
        "status": seen.status,
        "attempts": [f"{one.target}: {one.ending}" for one in seen.tries],
        "first_delta_ms": _milliseconds(seen.first_delta),
        "took_ms": _milliseconds(seen.took),
        "input_tokens": tokens.input if tokens else None,
        "output_tokens": tokens.output if tokens else None,
        "simulated": seen.simulated,
        **({"degraded": seen.degraded} if seen.degraded else {}),
    }


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields = getattr(record, "fields", None)
    return fields if isinstance(fields, dict) else {}


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _trace(record: logging.LogRecord) -> str:
    if record.exc_info and record.exc_info[1] is not None:
        return _bounded("".join(traceback.format_exception(record.exc_info[1])).rstrip(), tail=True)
    return ""


def _bounded(text: str, *, tail: bool = False) -> str:
    """Cut *text* to what is printed; masked first, since a cut secret is not recognised."""
    if len(text) <= LONGEST:
        return text
    masked = redact(text)
    return masked[-LONGEST:] if tail else masked[:LONGEST]


def _visible(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 1)
