"""
Build the image with the engine at hand, start the gateway alone, and look at what it is.

    python -m scripts.try_image [BUILD ARGUMENT...]

Upstreams are simulated, there is no network and no capability, and only the home and /tmp can be
written. Ends with 1 at the first thing that is not as it should be. Needs `docker` and its daemon;
`--build-arg PYTHON=IMAGE` takes another base, `--network=host` builds by the daemon's network.
"""

import subprocess
import sys
import time
import uuid
from pathlib import Path

IMAGE = "portico:local"
ROOT = Path(__file__).resolve().parents[1]
HEALTHY = 60.0
"""Seconds until its healthcheck has to say so."""

CONFINED = (
    *("--network=none", "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges:true"),
    *("--tmpfs=/tmp:size=64m,mode=1777,noexec,nosuid", "--health-interval=2s"),
)
LOOK = """
import os, urllib.request
assert os.getuid() == 10001, os.getuid()
status = open("/proc/1/status").read()
assert "CapEff:\\t0000000000000000" in status, status
assert "NoNewPrivs:\\t1" in status, status
try:
    open("/new", "w")
except OSError:
    pass
else:
    raise SystemExit("its root can be written")
with urllib.request.urlopen("http://127.0.0.1:8000/healthz") as answer:
    assert answer.read() == b"ok"
"""


def main() -> int:
    """Do as the module says."""
    _docker("build", *sys.argv[1:], "--tag", IMAGE, str(ROOT))
    name = f"portico-try-{uuid.uuid4().hex[:8]}"
    _docker("run", "--detach", "--name", name, f"--volume={name}:/home/portico", *CONFINED, IMAGE)
    try:
        _healthy(name)
        _docker("exec", name, "python", "-c", LOOK)
        began = time.monotonic()
        _docker("stop", "--time", "60", name)
        code = _docker("inspect", "--format", "{{.State.ExitCode}}", name)
        print(f"it ended {time.monotonic() - began:.1f} s after SIGTERM, with {code}")
        return int(code)
    finally:
        _docker("rm", "--force", name)
        _docker("volume", "rm", name)


def _healthy(name: str) -> None:
    began = time.monotonic()
    while _docker("inspect", "--format", "{{.State.Health.Status}}", name) != "healthy":
        if time.monotonic() - began > HEALTHY:
            raise SystemExit(_docker("inspect", "--format", "{{json .State.Health}}", name))
        time.sleep(0.5)
    print(f"healthy {time.monotonic() - began:.1f} s after its start")


def _docker(*line: str) -> str:
    done = subprocess.run(("docker", *line), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"docker {line[0]} failed: {done.stderr.strip()[-2000:]}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
