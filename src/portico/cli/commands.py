"""Every command but those about keys, tunnels and machines, which have modules of their own."""

import asyncio
import gc
import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from portico import __version__
from portico.cli.backup import backup, restore
from portico.cli.bench import bench
from portico.cli.bootstrap import bootstrap, health
from portico.cli.egress import egress
from portico.cli.ends import Config, ending
from portico.cli.erasure import forget, sweep
from portico.cli.keys import keys
from portico.cli.memory import memory

if TYPE_CHECKING:
    from portico.access.base import Roster
    from portico.settings import Settings

app = typer.Typer(
    help="Portico: one address, speaking the OpenAI API, for a design lab's models.",
    epilog="Example: portico up --port 8000",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

app.command(epilog="Example: portico backup portico-monday.tar")(backup)
app.command(epilog="Example: portico restore portico-monday.tar --config portico.yaml")(restore)
app.command(epilog="Example: portico forget anna@lab.example --dry-run")(forget)
app.command(epilog="Example: portico sweep --dry-run")(sweep)
app.add_typer(keys, name="keys")
app.add_typer(egress, name="egress")
app.add_typer(memory, name="memory")
app.command(epilog="Example: portico bootstrap --check")(bootstrap)
app.command(
    epilog="Example: portico bench --quick",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)(bench)
app.command(epilog="Example: portico health --url http://127.0.0.1:8000/healthz")(health)


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
    with_tunnel: Annotated[
        bool,
        typer.Option(
            "--with-tunnel",
            help="Carry tunnelled paths by an engine of our own, with the tunnels that"
            " `portico egress import` took.",
        ),
    ] = False,
) -> None:
    """Serve; upstreams without a key are simulated, and say so."""
    gc.disable()  # it would find nothing among what is imported, and take a fifth of the start
    from portico.app import serve

    gc.freeze()  # or the first collection goes through all of it; decision 004
    gc.enable()
    ending(lambda: serve(config, host=host, port=port, workers=workers, with_tunnel=with_tunnel))


@app.command(epilog="Example: portico check --config portico.yaml")
def check(config: Config = None) -> None:
    """
    Diagnose configuration and installation.

    Each finding says what, where and how to mend it. Exits with 1 if one is an error.
    """
    from portico.app import home
    from portico.settings.diagnosis import Looks, diagnose
    from portico.wiring import open_keyring, similar_trouble
    from portico.wiring.looking import ledger_trouble, traces_trouble

    async def known(settings: "Settings") -> "Roster":
        async with open_keyring(settings, place) as ring:
            return await ring.roster()

    place = home(os.environ)
    looks = Looks(
        lambda settings: asyncio.run(known(settings)),
        lambda settings: asyncio.run(ledger_trouble(settings)),
        lambda settings: asyncio.run(traces_trouble(settings)),
        lambda settings: similar_trouble(settings, place),
    )
    findings = diagnose(config, place, os.environ, looks)
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
    from portico.wiring.offline import explain_offline

    def tell() -> None:
        load = partial(load_settings, config, os.environ)
        route = explain_offline(load, prompt, image or [], model)
        typer.echo(json.dumps(route, indent=2, ensure_ascii=False))

    ending(tell)


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
    Play faults against the configured routes, and score them.

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

    ending(tell)


@app.command(epilog="Example: portico simulate --port 9900")
def simulate(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=0, max=65535)] = 9900,
) -> None:
    """
    Serve the upstream simulator alone.

    It speaks the providers' real dialects and fails on command (POST /_control).
    """
    from portico.wiring.offline import simulate as run

    ending(lambda: asyncio.run(run(host, port, lambda url: typer.echo(f"simulating at {url}"))))


@app.command(epilog="Example: portico schema > portico.schema.json")
def schema() -> None:
    """Print the JSON Schema of the configuration file."""
    from portico.settings import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


def main() -> None:
    """Run the command line."""
    app()
