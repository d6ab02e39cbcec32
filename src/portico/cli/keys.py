"""`portico keys`: who may ask."""

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from portico.cli.ends import Config, ending

if TYPE_CHECKING:
    from portico.access.keyring import Keyring
    from portico.settings import Settings

keys = typer.Typer(
    help="The keys of callers: who may ask.",
    epilog="Example: portico keys create anna --expires 30d",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _lifetime(text: str) -> float:
    from portico.access.words import lifetime

    try:
        return lifetime(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from None


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

    ending(tell)


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

    ending(tell)


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

    ending(tell)


def _access(config: Path | None) -> "tuple[Settings, Keyring]":
    from portico.app import home
    from portico.settings import load_settings
    from portico.wiring import keyring

    return load_settings(config, os.environ), keyring(home(os.environ))


def _noticed() -> None:
    """When the command ends, what it said is true: running servers have looked since."""
    from portico.access.watch import LOOK

    time.sleep(2 * LOOK)
