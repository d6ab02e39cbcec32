"""Nothing of the surroundings has a say: no environment, no .netrc, no name server."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ALONE = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
"""A network of its own with nothing in it, and files of its own."""

SCENE = """
set -e
ip link set lo up
mount --bind "$TRAPS/resolv.conf" /etc/resolv.conf
mount --bind "$TRAPS/nsswitch.conf" /etc/nsswitch.conf
exec "$@"
"""

FILES = {
    "resolv.conf": "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n",
    "nsswitch.conf": "hosts: files dns\n",
    ".netrc": "default login trapped password trapped\n",
}


def trapped(folder: Path, kind: str, loop: str) -> dict[str, Any]:
    """Return what became of a request by a path of *kind*, and of the traps."""
    for name, text in FILES.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o600)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "HOME": str(folder),
        "NETRC": str(folder / ".netrc"),
        "TRAPS": str(folder),
    }
    scene = [*ALONE, "sh", "-c", SCENE, "sh"]
    try:
        able = subprocess.run([*scene, "true"], env=environment, capture_output=True, timeout=20)
    except FileNotFoundError:
        pytest.skip("NO NAMESPACES: there is no `unshare`, so no name server can be watched")
    if able.returncode:
        pytest.skip("NO NAMESPACES: this machine gives none, so no name server can be watched")
    probe = [sys.executable, "-m", "tests.egress.trapped", kind, loop]
    done = subprocess.run(
        [*scene, *probe], env=environment, capture_output=True, text=True, timeout=50
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("kind", ["http", "socks5h"])
def test_a_tunnelled_request_consults_nothing_around_it(
    tmp_path: Path, kind: str, loop: str
) -> None:
    assert trapped(tmp_path, kind, loop) == {
        "said": "hi",
        "trapped": 0,
        "looked_up": [],
        "signed_in": False,
    }


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_the_canary_hears_of_a_name_that_is_looked_up_here(tmp_path: Path, loop: str) -> None:
    """The control: with a direct path the same name server is asked, so it would have noticed."""
    assert trapped(tmp_path, "direct", loop) == {
        "said": "ConnectFailed",
        "trapped": 0,
        "looked_up": ["upstream.test"],
        "signed_in": False,
    }
