"""`portico egress check`, and what runs beside a gateway that has no way out of its own."""

import asyncio
import os
from functools import partial
from typing import Annotated

import msgspec
import typer

from portico.cli.ends import Config, ending

AsJSON = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Listen = Annotated[str, typer.Option(metavar="ADDRESS", help="The address to listen on.")]


def check(
    config: Config = None,
    as_json: AsJSON = False,
    with_tunnel: Annotated[
        bool,
        typer.Option("--with-tunnel", help="As `portico up --with-tunnel`: by an engine of ours."),
    ] = False,
) -> None:
    """
    Look whether traffic leaves by its tunnels, and in no other way.

    Run it where the gateway runs. Exits with 1 if anything is wrong.
    """
    from portico.app import home, loaded
    from portico.wiring.checking import check_egress

    def tell() -> None:
        load = partial(loaded, config, os.environ, with_tunnel=with_tunnel)
        found = asyncio.run(check_egress(load, home(os.environ), os.environ))
        bad = any(each.level == "error" for each in found)
        if as_json:
            told = {"ok": not bad, "findings": found}
            typer.echo(msgspec.json.format(msgspec.json.encode(told), indent=2).decode())
        else:
            typer.echo("\n".join(map(str, found)))
        if bad:
            raise typer.Exit(1)

    ending(tell)


def control(
    config: Config = None,
    listen: Listen = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.", min=0, max=65535)] = 3129,
) -> None:
    """
    Be the negative control of egress check.

    Asked, it tries what a closed gateway must not reach, and says so.

    Run it in a place that has a way out, and name it as `boundary.control`.
    """
    from portico.beside.control import keep_control
    from portico.settings import load_settings

    def run() -> None:
        settings = load_settings(config, os.environ)
        asyncio.run(keep_control(settings, listen, port))

    ending(run)


def add(egress: typer.Typer) -> None:
    """Add these to *egress*."""
    egress.command("check", epilog="Example: portico egress check --json")(check)
    egress.command("control", epilog="Example: portico egress control --port 3129")(control)
