"""Where pictures are measured: a gateway, an upstream for small streams, another for pictures."""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep

from benchmarks.measure import WrongAnswers, load_environment
from benchmarks.screens import SCREEN, screen
from benchmarks.subjects import Subject, gateway, pictures_config, upstream

CALLERS = 16

_POLITE = ("nice", "-n", "10")
_UNDER_WAY = 1.0  # seconds after which every caller has begun
_ENDING = 90.0  # seconds that the callers' last answers may take
_PHOTOS = {"8mb": (SCREEN, 0.55), "4k": (SCREEN, 0.3), "40mp": ((7680, 5216), 0.3)}


@dataclass(frozen=True, slots=True)
class House:
    """One gateway and the two upstreams behind it; `brief` is asked directly as well."""

    gateway: Subject
    brief: Subject
    home: Path


@contextmanager
def house(home: Path, line: str, *, remember: bool = True) -> Iterator[House]:
    """Run it in the new directory *home*; unless *remember*, without notes of what is shown."""
    home.mkdir()
    (home / "seeing").mkdir()
    with ExitStack() as stack:
        port = stack.enter_context(upstream(home))
        seeing = stack.enter_context(upstream(home / "seeing", *_POLITE))
        config = pictures_config(port, seeing, remember=remember)
        subject = stack.enter_context(gateway(home / "gateway", config, line))
        yield House(subject, Subject("upstream", port, 0), home)


def altered(how: str) -> str:
    """Return the command that starts a gateway with something about it changed."""
    words = f"{shlex.quote(sys.executable)} -m benchmarks.altered {how} up"
    return f"{words} --config {{config}} --host 127.0.0.1 --port {{port}} --workers 1"


def picture(home: Path, name: str, form: str = "PNG") -> Path:
    """Return where the picture of that *name* is; it is drawn once."""
    file = home / f"{name}.{form.lower()}"
    if not file.exists():
        file.write_bytes(screen(*_PHOTOS[name], form))
    return file


@dataclass(slots=True)
class Flood:
    """Callers with screenshots. `answered` is known when they have left."""

    line: list[str]
    answered: int = 0
    wrong: dict[str, int] = field(default_factory=dict)

    def hear(self, said: str) -> None:
        """Take the callers' report; raises WrongAnswers unless every answer came whole."""
        lines = said.strip().splitlines()
        if not lines:
            raise WrongAnswers("the callers with pictures ended without a word")
        report = json.loads(lines[-1])
        self.answered = report["answered"]
        if report["wrong"] or not self.answered:
            raise WrongAnswers(f"pictures: {self.answered} whole; {report['wrong']}")


def flood(port: int, file: Path, *options: str) -> Flood:
    """Return callers who send the picture in *file*, not yet started."""
    line = [sys.executable, "-m", "benchmarks.flood", "--port", str(port), "--picture", str(file)]
    return Flood([*line, *options])


def flooded(callers: Flood) -> None:
    """Let *callers* with a `--count` ask all of it."""
    done = subprocess.run(
        callers.line,
        env=load_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_ENDING * 4,
        check=False,
    )
    callers.hear(done.stdout)


@contextmanager
def flooding(callers: Flood) -> Iterator[None]:
    """Keep *callers* asking while the block runs; every answer has come when it is left."""
    with subprocess.Popen(
        callers.line,
        env=load_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            process.stdout.readline()
            sleep(_UNDER_WAY)
            yield
            said, _ = process.communicate(timeout=_ENDING)
        finally:
            process.kill()
    callers.hear(said)
