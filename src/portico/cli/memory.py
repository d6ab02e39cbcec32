"""`portico memory`: what is found again, made anew."""

import asyncio
import os
from functools import partial

import typer

from portico.cli.ends import Config, ending

memory = typer.Typer(
    help="What can be found again by words, meaning and likeness.",
    epilog="Example: portico memory rebuild",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@memory.callback()
def grouped() -> None:
    """Keep the name of the one command."""


@memory.command("rebuild", epilog="Example: portico memory rebuild --config portico.yaml")
def rebuild(config: Config = None) -> None:
    """Make the memory anew of what is kept beside the artifacts, with the models of today."""

    def run() -> None:
        from portico.app import home
        from portico.settings import load_settings
        from portico.wiring import rebuild_memory

        load = partial(load_settings, config, os.environ)
        told = asyncio.run(rebuild_memory(load, home(os.environ)))
        typer.echo(f"{told.points} screens can be found again.")
        if told.gone:
            typer.echo(f"{told.gone} records of deleted artifacts were deleted.")
        if told.unread:
            typer.echo(f"{told.unread} records could not be read, and were left alone.")

    ending(run)
