"""`portico bootstrap` and `portico health`: a machine made ready, and asked whether it is."""

import asyncio
import json
import os
from pathlib import Path
from typing import Annotated

import typer

from portico.cli.ends import Config, ending


def bootstrap(
    config: Config = None,
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing: what is missing has failed.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STEP", help="Take this step; may be given again.", show_default=False
        ),
    ] = None,
    secrets: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The folder of secrets: make what is missing.", show_default=False
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON at the end.")] = False,
) -> None:
    """
    Make a machine ready; a second time changes nothing.

    Preflight, secrets, configuration, tables, bucket, collections, keys, egress, smoke. Exits
    with 1 if a step failed that the gateway cannot serve without.
    """
    from portico.app import home
    from portico.bootstrap.base import Order, Told
    from portico.bootstrap.report import as_text, told_as_json
    from portico.bootstrap.run import bootstrap as run
    from portico.bootstrap.run import named

    def say(told: Told) -> None:
        if not as_json:
            typer.echo(as_text(told))

    def tell() -> None:
        order = Order(config, home(os.environ), os.environ, secrets, check)
        found = asyncio.run(run(order, named(only or []), say))
        if as_json:
            typer.echo(json.dumps(told_as_json(found), indent=2))
        if any(told.failed for told in found):
            raise typer.Exit(1)

    ending(tell)


def health(
    url: Annotated[
        str, typer.Option(metavar="URL", help="What to ask.")
    ] = "http://127.0.0.1:8000/healthz",
    tcp: Annotated[
        str,
        typer.Option(metavar="HOST:PORT", help="Connect there instead.", show_default=False),
    ] = "",
) -> None:
    """
    Ask whether a gateway is alive.

    Answers in one line; exits with 1 if it is not.
    """
    from portico.bootstrap.health import answers, listens

    try:
        wrong = listens(tcp) if tcp else answers(url)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from None
    typer.echo(wrong or "ok", err=bool(wrong))
    if wrong:
        raise typer.Exit(1)
