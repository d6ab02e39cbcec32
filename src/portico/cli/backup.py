"""`portico backup` and `portico restore`."""

import asyncio
import os
from typing import Annotated

import typer

from portico.cli.ends import Config, ending

VERIFY = "verify"
Of = Annotated[
    str,
    typer.Argument(
        metavar="BACKUP", help="A file, a folder (the newest in it), or s3://bucket/name.tar?…."
    ),
]


def backup(
    place: Annotated[
        str,
        typer.Argument(
            metavar="PLACE", help="A file, a folder, or s3://bucket/prefix?endpoint=…; or `verify`."
        ),
    ],
    of: Annotated[
        str | None,
        typer.Argument(metavar="[BACKUP]", help="After `verify`: the backup.", show_default=False),
    ] = None,
    config: Config = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Write nothing: check that PLACE is whole.")
    ] = False,
) -> None:
    """
    Write what all stores hold to one file, with counts and hashes.

    It holds the secret of the keys: keep it as you keep that. Memory is not in it, since it can be
    rebuilt from the rest. `portico backup verify BACKUP` restores one into stores of its own,
    compares counts and hashes, and looks for 100 screens in it; nothing else is touched.
    """
    if of is not None and place != VERIFY:
        raise typer.BadParameter("one place is enough, unless the first word is `verify`")

    def run() -> None:
        if of is not None:
            asyncio.run(_restored(of, config))
        elif verify:
            asyncio.run(_checked(place))
        else:
            asyncio.run(_made(place, config))

    ending(run)


async def _made(place: str, config: Config) -> None:
    from portico.app import home
    from portico.backup.making import told
    from portico.settings import load_settings
    from portico.wiring.backing import store_backup

    settings = load_settings(config, os.environ)
    called, manifest = await store_backup(settings, home(os.environ), place)
    for line in told(manifest):
        typer.echo(line)
    typer.echo(f"written to {called}")


async def _checked(place: str) -> None:
    from portico.backup.making import check, told
    from portico.wiring.backing import fetched

    async with fetched(place) as file:
        for line in told(check(file)):
            typer.echo(line)


async def _restored(place: str, config: Config) -> None:
    from portico.backup.making import told
    from portico.settings import load_settings
    from portico.wiring.backing import fetched
    from portico.wiring.verifying import verify_backup

    settings = load_settings(config, os.environ)
    async with fetched(place) as file:
        done = await verify_backup(settings, file)
    for line in told(done.manifest):
        typer.echo(line)
    typer.echo("restored into stores of its own, where all of that is the same")
    if done.searches:
        typer.echo(f"{done.found} of {done.searches} screens were found again")
    else:
        typer.echo("nothing was remembered: there was no screen to look for")


def restore(
    place: Of,
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
    ending(lambda: asyncio.run(_brought(place, config, force=force)))


async def _brought(place: str, config: Config, *, force: bool) -> None:
    from portico.app import home
    from portico.backup.making import told
    from portico.settings import load_settings
    from portico.wiring.backing import bring_back, fetched

    settings = load_settings(config, os.environ)
    async with fetched(place) as file:
        manifest = await bring_back(settings, home(os.environ), file, force=force)
    for line in told(manifest):
        typer.echo(line)
    typer.echo("restored, and what is there is what the backup holds")
