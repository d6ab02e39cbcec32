"""The same work through peers: LiteLLM's proxy and Portkey, each in an environment of its own."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import yaml

from benchmarks.measure import Plan, WrongAnswers, press, settle
from benchmarks.processes import Command, cpu_seconds, free_port, running, wait_until_serving
from benchmarks.report import PAGE
from benchmarks.subjects import Subject, bench_config, find_nginx, gateway, nginx, upstream
from benchmarks.workloads import workloads

WORKS = {"2kb": 600, "1mb": 60, "burst": 60, "paced": 64}
"""How many requests a round makes: as many as the slowest can be waited for."""
BEGIN, END = "<!-- peers: python -m benchmarks.peers --docs -->", "<!-- end of peers -->"

_STARTING = 90.0  # seconds that a peer may take to begin to serve
_PATHS = {"2kb": "v1", "1mb": "v1", "burst": "burst/v1", "paced": "paced/v1"}


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody who is running; `more` are lines of a request's head, by workload."""

    name: str
    subject: Subject
    more: Mapping[str, Sequence[str]] = field(default_factory=dict)


type _Way = Callable[[Path, Path, int], AbstractContextManager[Peer]]


@contextmanager
def litellm(home: Path, installed: Path, port: int) -> Iterator[Peer]:
    """Run LiteLLM's proxy as its manual has it: one worker, no database."""
    home.mkdir()
    models = [
        {
            "model_name": f"bench-{name}",
            "litellm_params": {
                "model": "openai/bench-model",
                "api_base": f"http://127.0.0.1:{port}/{path}",
                "api_key": "x",
            },
        }
        for name, path in (("text", "v1"), ("burst", "burst/v1"), ("paced", "paced/v1"))
    ]
    config, own = home / "config.yaml", free_port()
    config.write_text(yaml.safe_dump({"model_list": models}))
    line = (
        *(str(installed / "bin" / "litellm"), "--config", str(config)),
        *("--host", "127.0.0.1", "--port", str(own), "--num_workers", "1"),
        *("--telemetry", "False"),
    )
    said = {
        "LITELLM_LOG": "ERROR",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "REPEATED_STREAMING_CHUNK_LIMIT": "100000",  # ours all say the same
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true",  # nobody has a key here
        "PYTHONPATH": "",
    }
    command = Command("litellm", line, home, said)
    with running(command) as process:
        wait_until_serving(own, "/health/liveliness", command, process, _STARTING)
        yield Peer("LiteLLM", Subject("gateway", own, process.pid))


@contextmanager
def portkey(home: Path, installed: Path, port: int) -> Iterator[Peer]:
    """Run Portkey's gateway; where to go is said with each request."""
    home.mkdir()
    own, node = free_port(), shutil.which("node") or "node"
    server = installed / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    line = (node, str(server), f"--port={own}", "--headless")
    command = Command("portkey", line, home, {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1"})
    more = {
        name: (
            "authorization: Bearer x",
            "x-portkey-provider: openai",
            f"x-portkey-custom-host: http://127.0.0.1:{port}/{path}",
        )
        for name, path in _PATHS.items()
    }
    with running(command) as process:
        wait_until_serving(own, "/", command, process, _STARTING)
        yield Peer("Portkey", Subject("gateway", own, process.pid), more)


def install(where: Path) -> dict[str, Path]:
    """Install the peers below *where*, unless they are there; return where each is."""
    own, node = where / "litellm", where / "portkey"
    if not (own / "bin" / "litellm").exists():
        _run(sys.executable, "-m", "venv", str(own))
        _run(str(own / "bin" / "pip"), "install", "--quiet", "litellm[proxy]")
    if not (node / "node_modules" / "@portkey-ai").exists():
        node.mkdir(parents=True, exist_ok=True)
        _run("npm", "install", "--silent", "--prefix", str(node), "@portkey-ai/gateway")
    return {"litellm": own, "portkey": node}


def _run(*line: str) -> None:
    subprocess.run(line, check=True, timeout=900)


type Found = dict[str, dict[str, list[float]]]
"""CPU milliseconds a request: by workload, by name, one for each round."""


def compared(peers: Sequence[Peer], rounds: int) -> Found:
    """Measure all of *peers* in turns; whoever gives a wrong answer has no figure."""
    found: Found = {}
    for name, count in WORKS.items():
        row = found[name] = {peer.name: [] for peer in peers}
        wrong: set[str] = set()
        for _ in range(rounds + 1):
            for peer in peers:
                if peer.name in wrong:
                    continue
                try:
                    row[peer.name].append(_cost(peer, name, count))
                except (WrongAnswers, subprocess.TimeoutExpired) as error:
                    print(f"{peer.name}, {name}: {error}", file=sys.stderr)
                    wrong.add(peer.name)
                    row[peer.name].clear()
        for samples in row.values():
            del samples[:1]  # everybody's first round is their warm-up
    return found


def _cost(peer: Peer, name: str, count: int) -> float:
    options = [word for line in peer.more.get(name, ()) for word in ("--header", line)]
    settle(peer.subject)
    before = cpu_seconds(peer.subject.pid)
    press(peer.subject, workloads()[name], count, Plan().seconds, *options)
    settle(peer.subject)
    return (cpu_seconds(peer.subject.pid) - before) * 1000 / count


def drawn(found: Found) -> str:
    """Return the table: medians, and how many times Portico's each peer's is."""
    names = list(next(iter(found.values())))
    lines = [f"| CPU ms a request | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for work, row in found.items():
        own = median(row["Portico"]) if row["Portico"] else 0.0
        cells = [_cell(row[name], own if name != "Portico" else 0.0) for name in names]
        lines.append(f"| {workloads()[work].says} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(samples: Sequence[float], own: float) -> str:
    if not samples:
        return "wrong answers"
    cost = median(samples)
    return f"{cost:.2f} ({cost / own:.2g} x)" if own else f"{cost:.2f}"


def main() -> None:
    """Install what is missing, measure, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--where", type=Path, default=Path(".services/peers"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--docs", action="store_true", help="put the table into the documentation")
    chosen = parser.parse_args()
    installed = install(chosen.where.resolve())
    ways: dict[str, _Way] = {"litellm": litellm, "portkey": portkey}
    with tempfile.TemporaryDirectory(prefix="portico-peers-") as home, ExitStack() as stack:
        port = stack.enter_context(upstream(Path(home)))
        here = stack.enter_context(gateway(Path(home) / "portico", bench_config(port)))
        peers = [Peer("Portico", here)]
        if binary := find_nginx():
            proxy = stack.enter_context(nginx(Path(home) / "nginx", binary, port))
            peers.append(Peer("nginx", proxy))
        peers += [
            stack.enter_context(way(Path(home) / name, installed[name], port))
            for name, way in ways.items()
        ]
        told = drawn(compared(peers, chosen.rounds))
    print(told)
    if chosen.docs:
        before, rest = PAGE.read_text().split(BEGIN, 1)
        day = datetime.now(UTC).date()
        PAGE.write_text(f"{before}{BEGIN}\n\n{day}.\n\n{told}\n\n{END}{rest.split(END, 1)[1]}")


if __name__ == "__main__":
    main()
