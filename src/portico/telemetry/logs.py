"""Logs: one line an event, as JSON or for people; no bodies, no keys."""

import logging
import re
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import lru_cache
from threading import get_ident
from typing import NamedTuple, Self, TextIO

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
    handler = Lines(Outlet(stream), JSONFormatter() if form == "json" else TextFormatter())
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


class Lines(logging.StreamHandler[Outlet]):
    """Our own handler. A request's line, of which there is one for each, needs no record."""

    def __init__(self, outlet: Outlet, form: "Form") -> None:
        super().__init__(outlet)
        self.setFormatter(form)
        self._form = form

    def tell(self, seen: Observation) -> None:
        """
        Write the line of a finished request.

        It is not searched for secrets, which would cost more than all the rest of it: it holds
        names of the configuration, words of ours and numbers, and nothing that anybody sent.
        """
        line = self._form.line(
            Event(time.time(), "info", request_log.name, seen.outcome, request_fields(seen))
        )
        assert self.lock is not None
        with self.lock, suppress(OSError, ValueError):  # a log that is gone is nobody's failure
            self.stream.write(f"{line}\n")
            self.stream.flush()


def _ours() -> Lines | None:
    """Return our handler, where it alone writes what this process logs."""
    handlers = logging.getLogger().handlers
    alone = len(handlers) == 1 and not request_log.handlers
    return handlers[0] if alone and isinstance(handlers[0], Lines) else None


@contextmanager
def one_write() -> Iterator[None]:
    """Write what this thread logs in the block at its end: a write is dearer than a line."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Lines):
            with handler.stream.holding():
                yield
            return
    yield


class Event(NamedTuple):
    """What one line says. `created` is epoch seconds, `level` in lower case."""

    created: float
    level: str
    logger: str
    message: str
    fields: Mapping[str, object]
    trace: str = ""

    @classmethod
    def of(cls, record: logging.LogRecord) -> Self:
        """Return what *record* says, its message and its traceback cut to what is printed."""
        message, level = _bounded(record.getMessage()), record.levelname.lower()
        return cls(record.created, level, record.name, message, _fields(record), _trace(record))


class Form(logging.Formatter):
    """How an event becomes a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return *record* as a line, redacted."""
        return redact(self.line(Event.of(record)))

    def line(self, event: Event) -> str:
        """Return *event* as a line, as it is."""
        raise NotImplementedError


class JSONFormatter(Form):
    """
    One JSON object a line: `time` (UTC), `level`, `logger`, `message`, and the event's fields.

    Fields come as `extra={"fields": {...}}`; where their names collide with ours, ours stay.
    """

    def line(self, event: Event) -> str:
        """Return *event* as one line of JSON."""
        ours: dict[str, object] = {
            "time": _time(event.created),
            "level": event.level,
            "logger": event.logger,
            "message": event.message,
        }
        line = {**ours, **event.fields}
        if not ours.keys().isdisjoint(event.fields):
            line |= ours  # at their places, with our values
        if event.trace:
            line["exception"] = event.trace
        return _encode(line).decode()


class TextFormatter(Form):
    """For people at a terminal: time, level, logger, message, fields; tracebacks below."""

    def line(self, event: Event) -> str:
        """Return *event* as a line for people; control characters made visible."""
        fields = b"".join(
            [b" %b=%b" % (name.encode(), _encode(value)) for name, value in event.fields.items()]
        ).decode()
        message = _CONTROL.sub(_visible, event.message)
        line = f"{_time(event.created)} {event.level:<8} {event.logger}: {message}{fields}"
        return f"{line}\n{event.trace}" if event.trace else line


def log_request(seen: Observation) -> None:
    """Write the one line a finished request leaves in the log."""
    if not request_log.isEnabledFor(logging.INFO):
        return
    if ours := _ours():
        ours.tell(seen)
    else:
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


def _time(created: float) -> str:
    second, thousandths = divmod(int(created * 1000), 1000)
    return f"{_second(second)}.{thousandths:03}Z"


@lru_cache(2)
def _second(epoch: int) -> str:
    return datetime.fromtimestamp(epoch, UTC).isoformat().removesuffix("+00:00")


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
