"""`portico forget`."""

import asyncio
import os
from typing import TYPE_CHECKING, Annotated

import typer

from portico.cli.ends import Config, ending

if TYPE_CHECKING:
    from portico.erasure.base import Forgotten


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
        _tell(asyncio.run(work), as_json=as_json)

    ending(run)


def _tell(report: "Forgotten", *, as_json: bool) -> None:
    import msgspec

    if as_json:
        typer.echo(msgspec.json.encode(report).decode())
    else:
        for place in report.places:
            counts = ", ".join(f"{count} {what}" for what, count in place.counts.items())
            typer.echo(f"{place.place}: {f'LEFT: {place.left}' if place.left else counts}")
        typer.echo(_sum(report))
    if not report.done:
        raise typer.Exit(1)


def _sum(report: "Forgotten") -> str:
    if report.dry_run:
        whole = "nothing was erased" if report.done else "and places that did not answer"
        return f"{report.total} things would go; {whole}."
    if not report.done:
        return "Not everything is gone: mend what is left above, and run it again."
    return f"{report.total} things are gone. Backups made before still hold them."
