"""What is not a cost per request: memory, idle streams, start-up, a model list nobody holds up."""

import json
import subprocess
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from time import monotonic, perf_counter, sleep

from benchmarks.houses import altered
from benchmarks.measure import (
    Plan,
    WrongAnswers,
    check,
    load_environment,
    load_line,
    press,
    settle,
)
from benchmarks.pictures import held, summary
from benchmarks.processes import DidNotStart, rss_megabytes
from benchmarks.report import Row
from benchmarks.subjects import HELD, Subject, gateway
from benchmarks.workloads import idle_stream, workloads

type Config = dict[str, object]
type Samples = dict[str, list[float]]

_LISTINGS = 200
_STARTS = 5
_RESTING = 2.0  # seconds between the first 200 and the weighing; start-up work is over by then


def idle_rss(subjects: Sequence[Subject]) -> Row:
    """Return the memory of processes that have just been started."""
    sleep(_RESTING)
    row = {subject.name: [rss_megabytes(subject.pid)] for subject in subjects}
    return _weighed("idle-rss", "idle RSS", row, (110.0, 80.0))


def after_streams(subjects: Sequence[Subject], count: int) -> Row:
    """Return the memory of processes that have relayed *count* streams and rest."""
    row: dict[str, list[float]] = {}
    trouble = ""
    try:
        for subject in subjects:
            press(subject, workloads()["burst"], count, 120.0)
            settle(subject)
            row[subject.name] = [rss_megabytes(subject.pid)]
    except WrongAnswers as error:
        trouble = str(error)
    return _weighed("after-streams", f"RSS after {count:,} streams", row, (200.0, 140.0), trouble)


def _weighed(
    name: str, says: str, row: Samples, bounds: tuple[float, float], trouble: str = ""
) -> Row:
    limit, aim = bounds
    gateway, nginx = row.get("gateway", ()), row.get("nginx", ())
    return Row(name, says, "MB", gateway, nginx, limit, trouble, aim=aim)


def idle_streams(subjects: Sequence[Subject], count: int) -> Row:
    """Return what *count* streams that are open and silent add to idle memory."""
    samples: dict[str, list[float]] = {}
    trouble = ""
    try:
        for subject in subjects:
            samples[subject.name] = [_held(subject, count)]
    except WrongAnswers as error:
        trouble = str(error)
    return Row(
        "idle-streams",
        f"{count:,} idle open streams, above idle",
        "MB",
        samples.get("gateway", ()),
        samples.get("nginx", ()),
        100.0,
        trouble,
    )


def _held(subject: Subject, count: int) -> float:
    before = rss_megabytes(subject.pid)
    line = [*load_line(subject, idle_stream(), count, 60.0), "--hold"]
    with subprocess.Popen(
        line,
        env=load_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        try:
            check(_said(holder.stdout.readline()), count, subject)  # its own clock ends it
            settle(subject)
            added = rss_megabytes(subject.pid) - before
            said, _ = holder.communicate(timeout=30)
            check(_said(said), count, subject)
        finally:
            holder.kill()
    return added


def _said(line: str) -> dict[str, object]:
    if not line.strip():
        raise WrongAnswers("the load generator ended without a word")
    report: dict[str, object] = json.loads(line.strip().splitlines()[-1])
    return report


def loop_held(home: Path, config: Config, plan: Plan) -> Row:
    """Return the longest time that the loop was held by small requests, agents and streams."""
    longest: list[float] = []
    trouble, told = "", dict[str, object]()
    try:
        with gateway(home / "held", config, altered("watched")) as subject:
            works = [workloads()[name] for name in _HOLDING]
            for work in works:
                press(subject, work, plan.count(work, plan.share / 10), plan.seconds, *_FEW)
            settle(subject)
            began = monotonic()
            for work in works:
                press(subject, work, plan.count(work), plan.seconds, *_FEW)
            turns = list(held(home / "held" / HELD, began, monotonic()))
            longest.append(max((turn.held for turn in turns), default=0.0))
            told = {"turns": summary(turns)}
    except (DidNotStart, WrongAnswers) as error:
        trouble = str(error)
    says = "longest hold of the loop, no pictures"
    return Row("loop-held", says, "ms", longest, (), 10.0, trouble, told)


# A turn of the loop serves everybody who is ready: with sixty callers it is sixty requests long.
_FEW = ("--connections", "2")
_HOLDING = ("2kb-auto", "64kb", "64kb-gemini", "burst", "gemini")


def start_up(home: Path, config: Config, line: str) -> Row:
    """Return the seconds from exec to the first 200, each time with empty stores."""
    samples = []
    trouble = ""
    try:
        for attempt in range(_STARTS):
            began = perf_counter()
            with gateway(home / f"start-{attempt}", config, line):
                samples.append(perf_counter() - began)
    except DidNotStart as error:
        trouble = str(error)
    return Row("start-up", "`portico up` to the first 200", "s", samples, (), 1.2, trouble, aim=0.7)


def models_hung(home: Path, config: Config, line: str) -> Row:
    """Return the slowest GET /v1/models while every upstream hangs."""
    says = "`/v1/models`, all upstreams hung, the slowest"
    slowest: list[float] = []
    trouble = ""
    try:
        with gateway(home / "hung", config, line) as subject:
            slowest.append(max(_listings(subject.port)) * 1000)
    except (DidNotStart, WrongAnswers, OSError, HTTPException) as error:
        trouble = str(error) or type(error).__name__
    return Row("models-hung", says, "ms", slowest, (), 50.0, trouble)


def _listings(port: int) -> list[float]:
    took = []
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        for _ in range(_LISTINGS):
            began = perf_counter()
            connection.request("GET", "/v1/models")
            answer = connection.getresponse()
            listed = answer.read()
            took.append(perf_counter() - began)
            if answer.status != 200 or b"bench-text" not in listed:
                raise WrongAnswers(f"/v1/models gave {answer.status} without our target")
    finally:
        connection.close()
    return took
