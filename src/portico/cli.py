"""The command line: argument parsing only."""

import asyncio
import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from portico import __version__
from portico.errors import ConfigError, GatewayError

if TYPE_CHECKING:
    from portico.access.keyring import Keyring
    from portico.settings import Settings

app = typer.Typer(
    help="Portico: one address, speaking the OpenAI API, for a design lab's models.",
    epilog="Example: portico up --port 8000",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

keys = typer.Typer(
    help="The keys of callers: who may ask.",
    epilog="Example: portico keys create anna --expires 30d",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(keys, name="keys")

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


def _lifetime(text: str) -> float:
    from portico.access.words import lifetime

    try:
        return lifetime(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from None


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
    """Serve; upstreams without a key are simulated, and say so."""
    from portico.app import serve

    _exit(lambda: serve(config, host=host, port=port, workers=workers))


@app.command(epilog="Example: portico check --config portico.yaml")
def check(config: Config = None) -> None:
    """
    Diagnose configuration and installation.

    Each finding says what, where and how to mend it. Exits with 1 if one is an error.
    """
    from portico.app import home
    from portico.settings.diagnosis import diagnose
    from portico.wiring import keyring

    place = home(os.environ)
    findings = diagnose(config, place, os.environ, lambda: asyncio.run(keyring(place).roster()))
    for finding in findings:
        typer.echo(str(finding))
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


@app.command(epilog='Example: portico explain "Refactor this function" --model auto')
def explain(
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="What would be asked.")],
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


@app.command(epilog="Example: portico drill --only silent --only cut-reset")
def drill(
    config: Config = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Play this scene; may be given again.", show_default=False
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON at the end.")] = False,
) -> None:
    """
    Play faults against this configuration's routes, and score them.

    Upstreams are simulated, keys synthetic, stores temporary. Exits with 1 if a scene failed.
    """
    from portico.drill.report import HEAD, ended, line, opening
    from portico.drill.run import drill as run
    from portico.drill.run import named

    def tell() -> None:
        scenes = named(only or [])
        if not as_json:
            typer.echo(f"{opening(config, len(scenes))}\n\n{HEAD}")
        told = run(config, scenes, lambda one: None if as_json else typer.echo(line(one)))
        typer.echo(told.json if as_json else f"\n{ended(told)}")
        if told.failed:
            raise typer.Exit(1)

    _exit(tell)


@app.command(epilog="Example: portico simulate --port 9900")
def simulate(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=0, max=65535)] = 9900,
) -> None:
    """
    Serve the upstream simulator alone.

    It speaks the providers' real dialects and fails on command (POST /_control).
    """
    from portico.wiring import simulate as run

    _exit(lambda: asyncio.run(run(host, port, lambda url: typer.echo(f"simulating at {url}"))))


@app.command(epilog="Example: portico schema > portico.schema.json")
def schema() -> None:
    """Print the JSON Schema of the configuration file."""
    from portico.settings import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


@keys.command("create", epilog="Example: portico keys create anna --expires 30d")
def create_key(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Whose key this is, as lists will show it.")
    ],
    expires: Annotated[
        float | None,
        typer.Option(
            parser=_lifetime,
            metavar="LIFETIME",
            help="How long it is good (90m, 12h, 30d, 2w); without it, until it is revoked.",
        ),
    ] = None,
    config: Config = None,
) -> None:
    """Make a key and print it, this one time: only its hash is kept."""
    from portico.access.words import issued

    def tell() -> None:
        settings, ring = _access(config)
        made = asyncio.run(ring.issue(name, expires))
        before, after = issued(made.key, settings.access.required)
        typer.echo(before, err=True)
        typer.echo(made.text)  # alone on its stream: KEY=$(portico keys create anna)
        typer.echo(after, err=True)
        _noticed()

    _exit(tell)


@keys.command("list", epilog="Example: portico keys list")
def list_keys(config: Config = None) -> None:
    """List every key ever made, without what would open anything."""
    from portico.access.words import table

    def tell() -> None:
        _, ring = _access(config)
        found = asyncio.run(ring.list())
        if found:
            typer.echo(table(found, time.time()))
        else:
            typer.echo("There is no key yet: `portico keys create NAME` makes one.", err=True)

    _exit(tell)


@keys.command("revoke", epilog="Example: portico keys revoke anna")
def revoke_key(
    which: Annotated[
        str, typer.Argument(metavar="ID|NAME", help="Its id, its name, or how one of them begins.")
    ],
    config: Config = None,
) -> None:
    """Revoke a key for good; running servers refuse it within a second."""

    def tell() -> None:
        _, ring = _access(config)
        key = asyncio.run(ring.revoke(which))
        was = "was revoked before" if key.revoked is not None else "is revoked"
        typer.echo(f"{key.id} ({key.name}) {was}.")
        _noticed()

    _exit(tell)


def _access(config: Path | None) -> "tuple[Settings, Keyring]":
    from portico.app import home
    from portico.settings import load_settings
    from portico.wiring import keyring

    return load_settings(config, os.environ), keyring(home(os.environ))


def _noticed() -> None:
    """When the command ends, what it said is true: running servers have looked since."""
    from portico.access.watch import LOOK

    time.sleep(2 * LOOK)


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
        place = f"{exc.filename}: " if exc.filename else ""
        typer.echo(f"error: {place}{exc.strerror or exc}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
