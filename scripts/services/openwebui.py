"""
The real Open WebUI, as its package: installed once into an environment of its own.

    python -m scripts.services.openwebui      # installs it, and says what starts it

What it needs is pinned with hashes in `openwebui.txt`, which

    uv pip compile scripts/services/openwebui.in --override scripts/services/openwebui.without \\
        -p 3.12 --generate-hashes --no-emit-index-url --no-header -o scripts/services/openwebui.txt

makes anew. Nothing is downloaded when it runs.
"""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "scripts/services/openwebui.txt"
FOLDER = ROOT / ".services"
INSTALLING = 900.0
"""Seconds that pip may take; 60 are usual."""


class Unavailable(Exception):
    """It cannot be had here; the message says why."""


def install() -> Path:
    """
    Return the program `open-webui`; what is missing is installed.

    Raises:
        Unavailable: the packages cannot be had.
    """
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    place = FOLDER / f"openwebui-{digest}"
    program = place / "bin/open-webui"
    if (place / ".installed").exists():
        return program
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n")
    shutil.rmtree(place, ignore_errors=True)  # half of an installation is none
    _run([sys.executable, "-m", "venv", str(place)])
    pip = [str(place / "bin/python"), "-m", "pip", "install", "--quiet"]
    _run(
        [
            *pip,
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
            "-r",
            str(REQUIREMENTS),
        ]
    )
    (place / ".installed").touch()
    return program


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALLING)
    except subprocess.TimeoutExpired:
        raise Unavailable("installing it took too long") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise Unavailable(f"pip: {said[-1] if said else done.returncode}")


if __name__ == "__main__":
    print(install())
