"""`portico memory`: what is found again, made anew."""

import asyncio
import os
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from portico.cli.ends import Config, ending

memory = typer.Typer(
    help="What can be found again by words, meaning and likeness.",
    epilog="Example: portico memory rebuild",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@memory.command("rebuild", epilog="Example: portico memory rebuild --config portico.yaml")
def rebuild(config: Config = None) -> None:
    """Make the memory anew of what is kept beside the artifacts, with the models of today."""

    def run() -> None:
        from portico.app import home
        from portico.settings import load_settings
        from portico.wiring.rebuilding import rebuild_memory

        load = partial(load_settings, config, os.environ)
        told = asyncio.run(rebuild_memory(load, home(os.environ)))
        typer.echo(f"{told.points} screens can be found again.")
        if told.gone:
            typer.echo(f"{told.gone} records of deleted artifacts were deleted.")
        if told.unread:
            typer.echo(f"{told.unread} records could not be read, and were left alone.")

    ending(run)


@memory.command("report", epilog="Example: portico memory report pairs.jsonl --cosine 0.95")
def report(
    pairs: Annotated[
        Path,
        typer.Argument(
            help='Labelled pairs, one a line: {"one": "…", "other": "…", "same": false}.',
            exists=True,
            dir_okay=False,
        ),
    ],
    cosine: Annotated[float, typer.Option(help="The least cosine of a hit.", min=0, max=1)] = 0.95,
    config: Config = None,
) -> None:
    """Measure how often a wrong answer would be given; JSON, and exit 1 if that is too often."""

    def run() -> None:
        import msgspec

        from portico.app import home
        from portico.memory.gate import Pair
        from portico.settings import load_settings
        from portico.wiring.rebuilding import measure_gate

        try:
            given = msgspec.json.Decoder(Pair).decode_lines(pairs.read_bytes())
        except msgspec.DecodeError as exc:
            raise typer.BadParameter(f"{pairs}: {exc}") from None
        load = partial(load_settings, config, os.environ)
        told = asyncio.run(measure_gate(load, home(os.environ), given, cosine))
        typer.echo(msgspec.json.encode(told).decode())
        if not told.good:
            raise typer.Exit(1)

    ending(run)
