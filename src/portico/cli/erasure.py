"""`portico forget` and `portico sweep`."""

import asyncio
import os
from typing import TYPE_CHECKING, Annotated

import typer

from portico.cli.ends import Config, ending

if TYPE_CHECKING:
    from portico.erasure.base import Report


def forget(
    person: Annotated[
        str,
        typer.Argument(
            metavar="PERSON",
            help="Their id, as the ledger knows them: an e-mail address, or a front end's id.",
        ),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count what there is of them.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    config: Config = None,
) -> None:
    """
    Erase a person from every store, or say what is left.

    So is what waits on the disk, and what gateways that serve hold in memory. What they used stays
    in the ledger's sums, and is nobody's. Their keys are revoked. Where a store is away the rest is
    erased, what is left is told, and the command ends with 1: run it again. Backups made before are
    not touched.
    """
    from portico.app import home
    from portico.settings import load_settings
    from portico.wiring import forget_person

    def run() -> None:
        settings = load_settings(config, os.environ)
        work = forget_person(settings, home(os.environ), person, dry_run=dry_run)
        report = asyncio.run(work)
        _tell(report, "" if as_json else _forgotten(report))

    ending(run)


def sweep(
    delete: Annotated[
        bool, typer.Option("--delete/--dry-run", help="Delete it, or only count it.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    config: Config = None,
) -> None:
    """
    Count what has outlived its time in every store, or delete it.

    A gateway that serves does so by itself: traces every hour, everything else every day. The
    ledger keeps what it has.
    """
    from portico.app import home
    from portico.settings import load_settings
    from portico.wiring import sweep_stores

    def run() -> None:
        settings = load_settings(config, os.environ)
        work = sweep_stores(settings, home(os.environ), dry_run=not delete)
        report = asyncio.run(work)
        _tell(report, "" if as_json else _swept(report))

    ending(run)


def _tell(report: "Report", last: str) -> None:
    """Print *report* with its *last* line; without one as JSON."""
    import msgspec

    if not last:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        for place in report.places:
            counts = ", ".join(f"{count} {what}" for what, count in place.counts.items())
            typer.echo(f"{place.place}: {f'LEFT: {place.left}' if place.left else counts}")
        typer.echo(last)
    if not report.done:
        raise typer.Exit(1)


def _swept(report: "Report") -> str:
    if report.dry_run:
        return "Nothing was deleted: add --delete."
    return "Done." if report.done else "Not everything was swept: mend what is left above."


def _forgotten(report: "Report") -> str:
    if report.dry_run:
        whole = "nothing was erased" if report.done else "and places that did not answer"
        return f"{report.total} things would go; {whole}."
    if not report.done:
        return "Not everything is gone: mend what is left above, and run it again."
    return f"{report.total} things are gone. Backups made before still hold them."
