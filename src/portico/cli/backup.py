"""`portico backup` and `portico restore`."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from portico.cli.ends import Config, ending

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup, one file.")]


def backup(
    file: File,
    config: Config = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Write nothing: check that FILE is whole.")
    ] = False,
) -> None:
    """
    Write what all stores hold to one file, with counts and hashes.

    It holds the secret of the keys: keep it as you keep that. Memory is not in it, since it can be
    rebuilt from the rest.
    """
    from portico.app import home
    from portico.backup.making import check, told
    from portico.settings import load_settings
    from portico.wiring import make_backup

    def run() -> None:
        if verify:
            manifest = check(file)
        else:
            settings = load_settings(config, os.environ)
            manifest = asyncio.run(make_backup(settings, home(os.environ), file))
        for line in told(manifest):
            typer.echo(line)

    ending(run)


def restore(
    file: File,
    config: Config = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what the stores hold already.")
    ] = False,
) -> None:
    """
    Bring a backup into the stores, and see that it is there.

    They may be others than it was taken from: this is also the way from the embedded stores to a
    Postgres and a bucket, and back. Stop the gateway first.
    """
    from portico.app import home
    from portico.backup.making import told
    from portico.settings import load_settings
    from portico.wiring import bring_back

    def run() -> None:
        settings = load_settings(config, os.environ)
        manifest = asyncio.run(bring_back(settings, home(os.environ), file, force=force))
        for line in told(manifest):
            typer.echo(line)
        typer.echo("restored, and what is there is what the backup holds")

    ending(run)
