"""What is measured: the gateway, started as its own command, and nginx as a plain proxy."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from benchmarks.processes import Command, free_port, running, wait_until_serving

GATEWAY = (
    f"{shlex.quote(sys.executable)} -m portico.cli up --config {{config}} "
    "--host 127.0.0.1 --port {port} --workers 1"
)
"""How the gateway is started; `{config}` and `{port}` are filled in."""

HELD = "held"
"""The file, beside its configuration, in which a watched gateway says how its loop was held."""

_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody who takes requests: where, and the root of whose process tree."""

    name: str
    port: int
    pid: int


@contextmanager
def upstream(home: Path, *under: str) -> Iterator[int]:
    """Run the stand-in upstream, *under* another command if one is given, and give its port."""
    port = free_port()
    line = (*under, sys.executable, "-m", "benchmarks.upstream", "--port", str(port))
    command = Command("upstream", line, home, {"PYTHONPATH": str(_ROOT)})
    with running(command) as process:
        wait_until_serving(port, "/v1/models", command, process)
        yield port


@contextmanager
def gateway(home: Path, config: dict[str, object], line: str = GATEWAY) -> Iterator[Subject]:
    """Run the gateway with *config*; its embedded stores are under *home*."""
    home.mkdir()
    file, port = home / "portico.yaml", free_port()
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    words = shlex.split(line.format(config=shlex.quote(str(file)), port=port))
    environment = {
        "PORTICO_HOME": str(home / ".portico"),
        "BENCH_HELD": str(home / HELD),
        "PYTHONPATH": os.pathsep.join([str(_ROOT), *sys.path[1:]]),  # also for an altered one
        "PYTHONDONTWRITEBYTECODE": "",  # or each start compiles what was edited since the install
    }
    command = Command("gateway", words, home, environment)
    with running(command) as process:
        wait_until_serving(port, "/healthz", command, process)
        yield Subject("gateway", port, process.pid)


def find_nginx() -> str | None:
    """Return where nginx is, also if the system's sbin is not on the caller's path."""
    path = os.environ.get("PATH", os.defpath)
    return shutil.which("nginx", path=f"{path}:/usr/sbin:/usr/local/sbin")


def nginx_version(binary: str) -> str:
    """Return nginx's own word on its version."""
    said = subprocess.run((binary, "-v"), capture_output=True, text=True, check=False).stderr
    found = re.search(r"nginx/([\w.]+)", said)
    return found[1] if found else "unknown"


@contextmanager
def nginx(home: Path, binary: str, upstream_port: int) -> Iterator[Subject]:
    """Run nginx as a plain reverse proxy of the upstream: one worker, streams unbuffered."""
    home.mkdir()
    file, port = home / "nginx.conf", free_port()
    file.write_text(_nginx_conf(home, port, upstream_port))
    line = (binary, "-p", str(home), "-e", "error.log", "-c", str(file))
    command = Command("nginx", line, home)
    with running(command) as process:
        wait_until_serving(port, "/v1/models", command, process)
        yield Subject("nginx", port, process.pid)


def _nginx_conf(home: Path, port: int, upstream_port: int) -> str:
    # A worker that gives up root could not enter the temporary directory.
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "\n".join(
        f"  {module}_temp_path {home}/{module};"
        for module in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""{user}
daemon off; worker_processes 1; worker_rlimit_nofile 8192;
pid {home}/nginx.pid; error_log {home}/error.log error;
events {{ worker_connections 4096; }}
http {{
{temporary}
  access_log off; keepalive_requests 100000000; keepalive_timeout 300s;
  client_max_body_size 64m; client_body_buffer_size 4m;
  upstream provider {{
    server 127.0.0.1:{upstream_port}; keepalive 256; keepalive_requests 100000000;
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://provider; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_read_timeout 600s;
    }}
  }}
}}
"""


def bench_config(port: int) -> dict[str, object]:
    """Return the configuration of the measured gateway: one target for each behaviour."""
    behaviours = {
        name: f"{name}/v1" if name != "text" else "v1"
        for name in ("text", "burst", "paced", "idle", "brief")
    }
    upstreams = {name: _openai(port, path) for name, path in behaviours.items()}
    targets = {f"bench-{name}": _target(name) for name in behaviours}
    upstreams["gemini"] = _gemini(port, "v1beta")
    targets["bench-gemini"] = _target("gemini")
    upstreams["gemini-paced"] = _gemini(port, "paced/v1beta")
    targets["bench-gemini-paced"] = _target("gemini-paced")
    return _config(upstreams, targets)


def pictures_config(port: int, seeing: int, *, remember: bool = True) -> dict[str, object]:
    """
    Return a configuration with another upstream, at *seeing*, for whatever has a picture.

    Unless *remember*, the design memory takes no notes of what is shown.
    """
    return {"memory": {"remember": remember}} | _config(
        {"brief": _openai(port, "brief/v1"), "seen": _gemini(seeing, "v1beta")},
        {"bench-brief": _target("brief"), "bench-seen": _target("seen") | {"boxes": "gemini"}},
    )


def hung_config(port: int) -> dict[str, object]:
    """Return a configuration of which every upstream takes connections and never answers."""
    upstreams = {"text": _openai(port, "hang/v1"), "gemini": _gemini(port, "hang/v1beta")}
    return _config(upstreams, {f"bench-{name}": _target(name) for name in upstreams})


def _config(upstreams: Mapping[str, object], targets: Mapping[str, object]) -> dict[str, object]:
    roles = {"code": {"description": "deep code analysis", "targets": [next(iter(targets))]}}
    return {"upstreams": dict(upstreams), "targets": dict(targets), "roles": roles}


def _openai(port: int, path: str) -> dict[str, object]:
    url = f"http://127.0.0.1:{port}/{path}"
    return {"dialect": "openai", "flavour": "generic", "base_url": url, "api_key": "x"}


def _gemini(port: int, path: str) -> dict[str, object]:
    return {"dialect": "gemini", "base_url": f"http://127.0.0.1:{port}/{path}", "api_key": "x"}


def _target(upstream_name: str) -> dict[str, object]:
    return {
        "upstream": upstream_name,
        "model": "bench-model",
        "accepts": ["text", "image"],
        "features": ["tools", "json_object", "json_schema"],
        "price": {"input": 0.25, "output": 1.0},
        # Nothing here may be cut or queued by policy: what is measured is the work.
        "patience": {"connect": 5, "first_delta": 60, "idle": 300, "total": 300},
        "max_concurrency": 4096,
    }
