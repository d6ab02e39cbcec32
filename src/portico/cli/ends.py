"""How a command ends: with what went wrong as a sentence, not as a traceback."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from portico.errors import ConfigError, GatewayError

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="PORTICO_CONFIG",
        help="The configuration file; without one the built-in catalog is used.",
        show_default=False,
    ),
]
"""The option that most commands take."""


def ending(run: Callable[[], None]) -> None:
    """Do *run*; what goes wrong is told on the error stream, and the command ends with 1."""
    try:
        run()
    except ConfigError as exc:
        for problem in exc.problems:
            typer.echo(f"error: {problem}", err=True)
        raise typer.Exit(1) from None
    except GatewayError as exc:
        typer.echo(f"error: {exc}", err=True)
        raise typer.Exit(1) from None
    except OSError as exc:
        place = f"{exc.filename}: " if exc.filename else ""
        typer.echo(f"error: {place}{exc.strerror or exc}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
