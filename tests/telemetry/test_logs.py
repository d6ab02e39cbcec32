"""Logs: one line an event, as JSON or for people; no bodies, no keys."""

import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from io import StringIO

import pytest
from msgspec.structs import replace

from portico.telemetry.logs import (
    LONGEST,
    TOGETHER,
    JSONFormatter,
    TextFormatter,
    configure,
    log_request,
    one_write,
    request_fields,
)
from tests.telemetry.seen import PRETENDED, SEEN

CANARY = "sk-canary-0123456789"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, given back as it was found."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield logger
    logger.handlers[:] = handlers
    logger.setLevel(level)


def record(message: str, *args: object, **more: object) -> logging.LogRecord:
    made = logging.LogRecord("portico.test", logging.INFO, "x.py", 1, message, args, None)
    made.created = 1_790_000_000.25
    for name, value in more.items():
        setattr(made, name, value)
    return made


def raised(error: Exception) -> logging.LogRecord:
    try:
        raise error
    except Exception:
        return record("it failed", exc_info=sys.exc_info())


def test_an_event_is_one_json_object_with_its_fields() -> None:
    line = JSONFormatter().format(record("%s rests", "qwen", fields={"seconds": 3.5}))
    assert json.loads(line) == {
        "time": "2026-09-21T14:13:20.250Z",
        "level": "info",
        "logger": "portico.test",
        "message": "qwen rests",
        "seconds": 3.5,
    }


def test_an_events_fields_cannot_pass_for_ours() -> None:
    line = JSONFormatter().format(record("hello", fields={"level": "error", "message": "no"}))
    assert (json.loads(line)["level"], json.loads(line)["message"]) == ("info", "hello")


@pytest.mark.parametrize("formatter", [JSONFormatter(), TextFormatter()])
def test_a_message_cannot_forge_a_second_line(formatter: logging.Formatter) -> None:
    line = formatter.format(record("one\ntwo\r\x1b[31m\u2028three", fields={"a": "x\ny"}))
    assert len(line.splitlines()) == 1 or isinstance(formatter, JSONFormatter)
    assert "\n" not in line
    assert "\x1b" not in line


def test_an_exception_is_told_in_the_same_json_line() -> None:
    line = JSONFormatter().format(raised(ValueError("two\nlines")))
    assert "\n" not in line
    assert json.loads(line)["exception"].endswith("ValueError: two\nlines")


def test_people_read_fields_beside_the_message_and_tracebacks_below() -> None:
    line = TextFormatter().format(record("rests", fields={"target": "qwen", "seconds": 3.5}))
    assert line == '2026-09-21T14:13:20.250Z info     portico.test: rests target="qwen" seconds=3.5'
    assert "\nTraceback" in TextFormatter().format(raised(ValueError("no")))


@pytest.mark.parametrize("formatter", [JSONFormatter(), TextFormatter()])
@pytest.mark.parametrize(
    "event",
    [
        record(f"asked with Bearer {CANARY}"),
        record("asked with %s", CANARY),
        record("asked", fields={"headers": {"authorization": f"Bearer {CANARY}"}}),
        record("asked", fields={"picture": "data:image/png;base64,canary"}),
        record("asked", fields={"raw": b"canary" * 50}),
        raised(RuntimeError(f"upstream said 401 for {CANARY}")),
        raised(RuntimeError("canary" * 50)),
        record("- " * (LONGEST // 2 - 4) + CANARY),  # the cut would leave no more than `sk-canar`
        raised(RuntimeError(f"{CANARY} " + "x " * LONGEST)),
    ],
)
def test_no_canary_reaches_a_line(formatter: logging.Formatter, event: logging.LogRecord) -> None:
    assert "canar" not in formatter.format(event)


def test_a_huge_message_is_cut() -> None:
    assert len(JSONFormatter().format(record("a b " * 10**6))) < LONGEST + 500


def test_values_json_has_no_word_for_are_told_as_text() -> None:
    line = JSONFormatter().format(record("x", fields={"why": ValueError("no")}))
    assert json.loads(line)["why"] == "no"


@pytest.mark.parametrize("form", ["json", "text"])
def test_configuring_replaces_who_wrote_before(root: logging.Logger, form: str) -> None:
    before, stream = StringIO(), StringIO()
    configure("debug", "text", before)
    configure("warning", form, stream)
    logging.getLogger("portico.test").info("quiet")
    logging.getLogger("portico.test").warning("loud %s", CANARY)
    assert before.getvalue() == ""
    (line,) = stream.getvalue().splitlines()
    assert line.startswith("{") == (form == "json")
    assert "loud [redacted]" in line


def test_a_request_leaves_one_line(root: logging.Logger) -> None:
    stream = StringIO()
    configure("info", "json", stream)
    log_request(replace(SEEN, degraded="no thinking"))
    told = json.loads(stream.getvalue())
    assert told.pop("time")
    assert told == {
        "level": "info",
        "logger": "portico.request",
        "message": "answered",
        "id": "r1",
        "role": "design",
        "target": "gemini-3-flash",
        "status": 200,
        "attempts": ["qwen3-coder: rate_limited", "gemini-3-flash: answered"],
        "first_delta_ms": 1250.0,
        "took_ms": 2000.0,
        "input_tokens": 1000,
        "output_tokens": 200,
        "simulated": False,
        "degraded": "no thinking",
    }


def test_a_quiet_log_holds_no_requests(root: logging.Logger) -> None:
    stream = StringIO()
    configure("warning", "json", stream)
    log_request(SEEN)
    assert stream.getvalue() == ""


def test_what_is_not_known_of_a_request_is_null() -> None:
    told = request_fields(replace(SEEN, tries=(), first_delta=None, target=None))
    assert told["first_delta_ms"] is told["input_tokens"] is told["target"] is None
    assert request_fields(PRETENDED)["simulated"] is True


class Counted(StringIO):
    """Counts how often it is written to."""

    writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


def test_what_one_thread_logs_in_a_block_is_one_write_at_its_end(root: logging.Logger) -> None:
    stream = Counted()
    configure("info", "text", stream)
    with one_write():
        log_request(SEEN)
        log_request(SEEN)
        assert stream.getvalue() == ""
        other = threading.Thread(target=root.warning, args=("meanwhile",))
        other.start()
        other.join()
        assert stream.getvalue().count("\n") == 1
    assert [line.split(": ")[1][:9] for line in stream.getvalue().splitlines()] == [
        "meanwhile",
        "answered ",
        "answered ",
    ]
    assert stream.writes == 2


def test_what_is_held_back_is_written_whatever_happens(root: logging.Logger) -> None:
    stream = Counted()
    configure("info", "text", stream)
    with suppress(ZeroDivisionError), one_write():
        log_request(SEEN)
        raise ZeroDivisionError
    root.warning("after")
    assert len(stream.getvalue().splitlines()) == 2


def test_only_so_many_lines_are_held_back(root: logging.Logger) -> None:
    stream = Counted()
    configure("info", "text", stream)
    with one_write():
        for _ in range(TOGETHER + 1):
            log_request(SEEN)
        assert len(stream.getvalue().splitlines()) == TOGETHER


def test_whoever_else_writes_the_logs_is_left_alone(
    root: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    root.setLevel("INFO")
    with one_write():
        log_request(SEEN)
        assert "answered" in caplog.text


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_requests_line_is_the_same_without_a_record(root: logging.Logger, form: str) -> None:
    """With a second handler it is a record as any other, and says what it says without one."""
    lines = []
    for others in ([], [logging.NullHandler()]):
        stream = StringIO()
        configure("info", form, stream)
        root.handlers += others
        log_request(SEEN)
        lines.append(stream.getvalue().split("portico.request", 1)[1])
    assert lines[0] == lines[1]


def test_a_log_that_is_gone_stops_nobody(root: logging.Logger) -> None:
    stream = StringIO()
    configure("info", "json", stream)
    stream.close()
    log_request(SEEN)
