"""`portico bench`: the clone's own measurements, by the installation that is asked."""

import subprocess
import sys
from pathlib import Path

import typer

import portico
from portico.cli.ends import ending

CLONE = Path(portico.__file__).resolve().parents[2]


def bench(arguments: typer.Context) -> None:
    """
    Measure CPU per request beside nginx, in a clone.

    It starts an upstream, a gateway with one worker, and a load. What follows is handed on:
    --quick, --only NAME, --json FILE, --strict, --without-nginx.
    """
    if not (CLONE / "benchmarks" / "run.py").is_file():
        typer.echo("error: the measurements are in the repository: run this in a clone.", err=True)
        raise typer.Exit(1)

    def measure() -> None:
        command = (sys.executable, "-m", "benchmarks.run", *arguments.args)
        raise typer.Exit(subprocess.run(command, cwd=CLONE, check=False).returncode)

    ending(measure)
