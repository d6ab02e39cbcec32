"""`portico keys`: who may ask."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from portico.cli.ends import Config, ending

if TYPE_CHECKING:
    from portico.access.keyring import Keyring
    from portico.settings import Settings

keys = typer.Typer(
    help="The keys of callers: who may ask.",
    epilog="Example: portico keys create anna --expires 30d --usd-per-day 5",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Which = Annotated[
    str, typer.Argument(metavar="ID|NAME", help="Its id, its name, or how one of them begins.")
]


def _lifetime(text: str) -> float:
    from portico.access.words import lifetime

    try:
        return lifetime(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from None


def _usd(text: str) -> Decimal:
    from portico.access.words import dollars

    try:
        return dollars(text)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from None


def _capture(text: str) -> str:
    from portico.access.callers import NARROWEST

    if text not in NARROWEST:
        raise typer.BadParameter(f"not one of {', '.join(reversed(NARROWEST))}")
    return text


def _budget(span: str) -> Any:
    told = f"US dollars a {span} (UTC) at most."
    return typer.Option(parser=_usd, metavar="USD", help=told, show_default=False)


@keys.command("create", epilog="Example: portico keys create anna --expires 30d --role design")
def create_key(  # noqa: PLR0913 - each is an option of the command
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
    admin: Annotated[
        bool | None,
        typer.Option(
            "--admin/--no-admin",
            help="An operator's: opens /api and the console. The first key of all is, by default.",
            show_default=False,
        ),
    ] = None,
    trusted: Annotated[
        bool,
        typer.Option("--trusted", help="A front end's: its headers about users are believed."),
    ] = False,
    person: Annotated[str | None, typer.Option(help="The id of the person it belongs to.")] = None,
    team: Annotated[
        str | None, typer.Option(help="The id of the team that answers for it.")
    ] = None,
    role: Annotated[
        list[str] | None, typer.Option(help="A role it may ask for; give several one by one.")
    ] = None,
    target: Annotated[
        list[str] | None, typer.Option(help="A target that may answer; several one by one.")
    ] = None,
    usd_per_day: Annotated[Decimal | None, _budget("day")] = None,
    usd_per_month: Annotated[Decimal | None, _budget("month")] = None,
    requests_per_minute: Annotated[
        int | None, typer.Option(min=0, help="Requests a minute.")
    ] = None,
    tokens_per_minute: Annotated[int | None, typer.Option(min=0, help="Tokens a minute.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=0, help="Requests under way.")] = None,
    capture: Annotated[
        str | None,
        typer.Option(parser=_capture, metavar="LEVEL", help="full, no-media or metadata-only."),
    ] = None,
    config: Config = None,
) -> None:
    """Make a key and print it, this one time: only its hash is kept."""
    from portico.access.base import Terms

    terms = Terms(
        roles=frozenset(role) if role else None,
        targets=frozenset(target) if target else None,
        usd_per_day=usd_per_day,
        usd_per_month=usd_per_month,
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        concurrency=concurrency,
        capture=capture,  # type: ignore[arg-type]  # the parser has looked
    )
    more: dict[str, Any] = {"trusted": trusted, "person": person, "team": team, "terms": terms}
    if admin is not None:
        more["admin"] = admin
    ending(lambda: _show(config, lambda ring: ring.issue(name, expires, **more)))


@keys.command("list", epilog="Example: portico keys list")
def list_keys(config: Config = None) -> None:
    """List every key ever made, without what would open anything."""
    from portico.access.words import table

    def tell() -> None:
        _, found = _with(config, lambda ring: ring.list())
        if found:
            typer.echo(table(found, time.time()))
        else:
            typer.echo("There is no key yet: `portico keys create NAME` makes one.", err=True)

    ending(tell)


@keys.command("revoke", epilog="Example: portico keys revoke anna")
def revoke_key(which: Which, config: Config = None) -> None:
    """Revoke a key for good; running servers refuse it within a second."""

    def tell() -> None:
        _, key = _with(config, lambda ring: ring.revoke(which))
        was = "was revoked before" if key.revoked is not None else "is revoked"
        typer.echo(f"{key.id} ({key.name}) {was}.")
        _noticed()

    ending(tell)


@keys.command("rotate", epilog="Example: portico keys rotate anna --overlap 2h")
def rotate_key(
    which: Which,
    overlap: Annotated[
        float,
        typer.Option(
            parser=_lifetime,
            metavar="LIFETIME",
            help="How long the old text is good besides (90m, 12h, 30d, 2w).",
        ),
    ] = "1d",  # type: ignore[assignment]  # typer parses defaults, too
    config: Config = None,
) -> None:
    """Give a key a new text and print it, this one time.

    Its id, its limits and what it has used stay.
    """
    ending(lambda: _show(config, lambda ring: ring.rotate(which, overlap)))


def _show(config: Path | None, make: "Callable[[Keyring], Awaitable[Any]]") -> None:
    """Print a new text alone on its stream: KEY=$(portico keys create anna)."""
    from portico.access.words import issued

    settings, made = _with(config, make)
    before, after = issued(made.key, settings.access.required)
    typer.echo(before, err=True)
    typer.echo(made.text)
    typer.echo(after, err=True)
    _noticed()


def _with[T](
    config: Path | None, work: "Callable[[Keyring], Awaitable[T]]"
) -> "tuple[Settings, T]":
    from portico.app import home
    from portico.settings import load_settings
    from portico.wiring import open_keyring

    settings = load_settings(config, os.environ)

    async def done() -> T:
        async with open_keyring(settings, home(os.environ)) as ring:
            return await work(ring)

    return settings, asyncio.run(done())


def _noticed() -> None:
    """When the command ends, what it said is true: running servers have looked since."""
    from portico.access.watch import LOOK

    time.sleep(2 * LOOK)
