"""The command line: argument parsing only."""

import asyncio
import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from portico import __version__
from portico.errors import ConfigError, GatewayError

app = typer.Typer(
    help="Portico: one address, speaking the OpenAI API, for a design lab's models.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

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


@app.callback(invoke_without_command=True)
def main_options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Say the version, or go on to the command."""
    if version:
        typer.echo(f"portico {__version__}")
        raise typer.Exit


@app.command(epilog="Example: portico up --config portico.yaml --port 8000")
def up(
    config: Config = None,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=0, max=65535)] = 8000,
    workers: Annotated[int, typer.Option(help="How many processes serve.", min=1)] = 1,
) -> None:
    """Serve. Upstreams without a key are simulated, and say so."""
    from portico.app import serve

    _exit(lambda: serve(config, host=host, port=port, workers=workers))


@app.command(epilog="Example: portico check --config portico.yaml")
def check(config: Config = None) -> None:
    """Validate the configuration and look at the installation; exit 1 on an error."""
    from portico.app import home
    from portico.settings.diagnosis import diagnose

    findings = diagnose(config, home(os.environ), os.environ)
    for finding in findings:
        typer.echo(str(finding))
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


@app.command(epilog='Example: portico explain "Refactor this function" --model auto')
def explain(
    prompt: Annotated[str, typer.Argument(help="What would be asked.")],
    image: Annotated[
        list[Path] | None,
        typer.Option(help="A picture to come with it.", exists=True, dir_okay=False),
    ] = None,
    model: Annotated[str, typer.Option(help="auto, a role, or a target.")] = "auto",
    config: Config = None,
) -> None:
    """Print the route of a prompt, without asking anyone."""
    from portico.settings import load_settings
    from portico.wiring import explain_offline

    def tell() -> None:
        load = partial(load_settings, config, os.environ)
        route = explain_offline(load, prompt, image or [], model)
        typer.echo(json.dumps(route, indent=2, ensure_ascii=False))

    _exit(tell)


@app.command(epilog="Example: portico simulate --port 9900")
def simulate(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=0, max=65535)] = 9900,
) -> None:
    """Run the upstream simulator alone: real dialects, faults on command (POST /_control)."""
    from portico.wiring import simulate as run

    _exit(lambda: asyncio.run(run(host, port, lambda url: typer.echo(f"simulating at {url}"))))


@app.command(epilog="Example: portico schema > portico.schema.json")
def schema() -> None:
    """Print the JSON Schema of the configuration file."""
    from portico.settings import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


def _exit(run: Callable[[], None]) -> None:
    """Say what went wrong as a sentence, not as a traceback."""
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
        typer.echo(f"error: {exc.strerror or exc}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
