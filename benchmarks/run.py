"""Measure the gateway on this machine and print what it costs, beside nginx."""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from benchmarks import scenes
from benchmarks.latency import Latency
from benchmarks.measure import QUICK, Plan, measured
from benchmarks.pictures import Pictures
from benchmarks.processes import DidNotStart, raise_file_limit
from benchmarks.report import Row, as_json, publish, table
from benchmarks.subjects import (
    GATEWAY,
    Subject,
    bench_config,
    find_nginx,
    gateway,
    hung_config,
    nginx,
    nginx_version,
    upstream,
)
from benchmarks.workloads import workloads

SCENES = ("idle-rss", "after-streams", "idle-streams", "loop-held", "start-up", "models-hung")
PICTURES = tuple(Pictures(Path(), "", Plan()).scenes())
LATENCY = ("added-p50", "added-p99", "first-word", "mixed")
MISSING = "nginx is missing: apt-get install nginx"


class Bench:
    """One run: what was chosen, and who is running."""

    def __init__(self, chosen: argparse.Namespace, home: Path) -> None:
        self._chosen = chosen
        self._home = home
        self._plan = QUICK if chosen.quick else Plan()
        self._nginx = None if chosen.without_nginx else find_nginx()

    def rows(self) -> Iterator[Row]:
        """Give the rows as they are measured."""
        with ExitStack() as stack:
            port = stack.enter_context(upstream(self._home))
            for name, scene in self._scenes(port).items():
                if self._wanted(name):
                    yield scene()
            wanted = [work for work in workloads().values() if self._wanted(work.name)]
            subjects = self._subjects(stack, "work", port) if wanted else []
            for workload in wanted:
                yield measured(workload, subjects, self._plan)
            yield from self._waits(stack, port)
        pictures = Pictures(self._home, self._chosen.command, self._plan)
        for name, scene in pictures.scenes().items():
            if self._wanted(name):
                yield scene()

    def _waits(self, stack: ExitStack, port: int) -> Iterator[Row]:
        if not any(map(self._wanted, LATENCY)):
            return
        config, line = bench_config(port), self._chosen.command
        subject = stack.enter_context(gateway(self._home / "waits-gateway", config, line))
        plain = None
        if self._nginx:
            proxy = nginx(self._home / "waits-nginx", self._nginx, port)
            plain = stack.enter_context(proxy)
        latency = Latency(subject, Subject("upstream", port, 0), self._plan, plain)
        for name, scene in latency.scenes().items():
            if self._wanted(name):
                yield scene()

    def _wanted(self, name: str) -> bool:
        return not self._chosen.only or name in self._chosen.only

    def _subjects(self, stack: ExitStack, name: str, port: int) -> list[Subject]:
        config, line = bench_config(port), self._chosen.command
        subjects = [stack.enter_context(gateway(self._home / f"{name}-gateway", config, line))]
        if self._nginx:
            proxy = nginx(self._home / f"{name}-nginx", self._nginx, port)
            subjects.append(stack.enter_context(proxy))
        return subjects

    def _scenes(self, port: int) -> dict[str, Callable[[], Row]]:
        line, streams = self._chosen.command, 200 if self._chosen.quick else 1000
        return {
            "idle-rss": lambda: self._fresh("rss", port, scenes.idle_rss),
            "after-streams": lambda: self._fresh(
                "after", port, lambda subjects: scenes.after_streams(subjects, streams)
            ),
            "idle-streams": lambda: self._fresh(
                "streams", port, lambda subjects: scenes.idle_streams(subjects, streams)
            ),
            "loop-held": lambda: scenes.loop_held(self._home, bench_config(port), self._plan),
            "start-up": lambda: scenes.start_up(self._home, bench_config(port), line),
            "models-hung": lambda: scenes.models_hung(self._home, hung_config(port), line),
        }

    def _fresh(self, name: str, port: int, scene: Callable[[list[Subject]], Row]) -> Row:
        with ExitStack() as stack:
            return scene(self._subjects(stack, name, port))

    @property
    def nginx(self) -> str | None:
        """The version of the nginx that is measured, or None."""
        return nginx_version(self._nginx) if self._nginx else None


def main() -> int:
    """Measure, print, and return the exit code: 1 for wrong answers, or `over` with --strict."""
    chosen = _arguments()
    raise_file_limit()
    signal.signal(signal.SIGTERM, _leave)
    with tempfile.TemporaryDirectory(prefix="portico-bench-") as home:
        bench = Bench(chosen, Path(home))
        if bench.nginx is None and not chosen.without_nginx:
            print(MISSING, flush=True)
        try:
            rows = list(_told(bench.rows()))
        except DidNotStart as error:
            print(error, file=sys.stderr)
            return 1
    print(f"\n{table(rows)}", flush=True)
    if chosen.docs:
        publish(rows, bench.nginx)
    if chosen.json:
        chosen.json.write_text(json.dumps(as_json(rows, bench.nginx), indent=2) + "\n")
    verdicts = {row.verdict for row in rows}
    return int("failed" in verdicts or (chosen.strict and "over" in verdicts))


def _told(rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        trouble = f": {row.trouble}" if row.trouble else ""
        print(f"{row.name}: {row.verdict}{trouble}", flush=True)
        yield row


def _leave(signum: int, frame: FrameType | None) -> None:
    # An exit that unwinds: every block that started a process ends it.
    sys.exit(128 + signum)


def _arguments() -> argparse.Namespace:
    names = (*SCENES, *workloads(), *LATENCY, *PICTURES)
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and requests")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample there")
    parser.add_argument(
        "--only", action="append", choices=names, metavar="NAME", help="|".join(names)
    )
    parser.add_argument("--docs", action="store_true", help="put the table into the documentation")
    parser.add_argument("--strict", action="store_true", help="exit 1 if a row is over its target")
    parser.add_argument("--without-nginx", action="store_true", help="measure the gateway alone")
    parser.add_argument(
        "--command",
        default=GATEWAY,
        help="start another gateway; {config} and {port} are filled in",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
