"""`portico egress`: the tunnels that Google's traffic leaves through."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from portico.cli import egress_beside
from portico.cli.ends import Config, ending

egress = typer.Typer(
    help="Tunnels: from share links to what carries them.",
    epilog="Example: portico egress import < links.txt",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Tunnels = Annotated[
    Path | None,
    typer.Option(
        "--tunnels",
        metavar="FILE",
        help="The file of tunnels; without one, tunnels.yaml under $PORTICO_HOME.",
        show_default=False,
    ),
]


@egress.command(
    "import", epilog="Example: portico egress import --tunnels tunnels.yaml < links.txt"
)
def import_links(
    links: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[LINKS]...",
            help="Files with a share link on each line; without one, standard input is read.",
            exists=True,
            dir_okay=False,
            readable=True,
            show_default=False,
        ),
    ] = None,
    tunnels: Tunnels = None,
) -> None:
    """
    Take share links (vless://, ss://) into the file of tunnels.

    What is refused is told by its line, never by its text. Exits with 1 if anything was.
    """
    from portico.egress.tunnels.intake import MOST, take

    def tell() -> None:
        place = _file(tunnels)
        if tunnels is None:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        sources = [(str(path), path.read_bytes()[:MOST]) for path in links or ()]
        if not sources and sys.stdin.isatty():
            typer.echo("Paste links, one a line, and end with Ctrl-D.", err=True)
        found = take(place, sources or [("stdin", sys.stdin.buffer.read(MOST))])
        for line in found.told:
            typer.echo(line)
        for line in found.refused:
            typer.echo(f"refused: {line}", err=True)
        if found.refused:
            raise typer.Exit(1)
        if not found.told:
            typer.echo("There was no link to take.", err=True)

    ending(tell)


@egress.command("show", epilog="Example: portico egress show --tunnels tunnels.yaml")
def show(tunnels: Tunnels = None) -> None:
    """List the tunnels and who can carry them, without their secrets."""
    from portico.egress.tunnels.store import load
    from portico.egress.tunnels.store import show as shown

    ending(lambda: typer.echo(shown(load(_file(tunnels)))))


@egress.command(
    "render",
    epilog="Example: portico egress render --out xray.json"
    " --reach generativelanguage.googleapis.com:443",
)
def render(  # noqa: PLR0913 - one for each option
    tunnels: Tunnels = None,
    engine: Annotated[
        str, typer.Option(metavar="xray|sing-box", help="The program that will carry them.")
    ] = "xray",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write it here (mode 0600), not to the screen.", show_default=False
        ),
    ] = None,
    listen: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The IP address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int | None,
        typer.Option(
            help="The first port; without it, those of the file.",
            min=1,
            max=65535,
            show_default=False,
        ),
    ] = None,
    user: Annotated[str, typer.Option(help="Who may use the listeners.", show_default=False)] = "",
    password_file: Annotated[
        Path | None, typer.Option(help="The file with that user's password.", show_default=False)
    ] = None,
    reach: Annotated[
        list[str] | None,
        typer.Option(
            metavar="HOST:PORT",
            help="What may be asked for, and nothing else; may be given again.",
            show_default=False,
        ),
    ] = None,
    exits: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the tunnels' servers here, for the sidecar's firewall.",
            show_default=False,
        ),
    ] = None,
    sidecar: Annotated[
        str,
        typer.Option(
            metavar="HOST",
            help="What the gateway calls it, if it is not at --listen.",
            show_default=False,
        ),
    ] = "",
) -> None:
    """
    Print an engine's configuration, with the tunnels' secrets.

    The section for portico.yaml comes on the error stream; with --out, on the screen.
    """
    from portico.egress.tunnels import engines, files, firewall, inlets, store, words

    if bool(user) != bool(password_file):
        raise typer.BadParameter("--user and --password-file go together")
    if listen in ("0.0.0.0", "::") and not sidecar:
        raise typer.BadParameter(f"--listen {listen} needs --sidecar: what the gateway calls it")

    def tell() -> None:
        place = _file(tunnels)
        if out is not None and out.resolve() == place.resolve():
            raise typer.BadParameter("--out names the file of tunnels itself")
        known = store.load(place)
        placed = known if port is None else inlets.rebased(known, port)
        password = files.password(password_file) if password_file else ""
        asked = tuple(inlets.parse_reach(text) for text in reach or ())
        listeners = inlets.Listeners(listen, user=user, password=password, reach=asked)
        text = engines.render(placed, listeners, engine)
        if exits is not None:
            exits.write_text(firewall.exits(placed))
        if out is None:
            typer.echo(text, nl=False)
        else:
            files.write(out, text)
        typer.echo(words.section(placed, listeners, sidecar), err=out is None)

    ending(_refusing(tell))


@egress.command("gate", epilog="Example: portico egress gate --path world --listen 0.0.0.0:3128")
def gate(
    path: Annotated[str, typer.Option(metavar="NAME", help="The egress path that leads here.")],
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where to listen.")
    ] = "127.0.0.1:3128",
    config: Config = None,
) -> None:
    """
    Be the gate of a gateway without a way out.

    A CONNECT proxy for the hosts of one egress path, and for nobody else's. For the path of linked
    pictures it also lets out to any public host that belongs to no other path.
    """
    from portico.beside.gates import keep_gate

    ending(lambda: keep_gate(config, os.environ, path, listen))


def _refusing(run: Callable[[], None]) -> Callable[[], None]:
    """A refusal is a sentence as well."""
    from portico.egress.tunnels.reasons import Refused

    def tell() -> None:
        try:
            run()
        except Refused as exc:
            typer.echo(f"error: {exc}", err=True)
            raise typer.Exit(1) from None

    return tell


def _file(tunnels: Path | None) -> Path:
    if tunnels is not None:
        return tunnels
    from portico.app import home

    return home(os.environ) / "tunnels.yaml"


egress_beside.add(egress)
