"""The command line: argument parsing only."""

from portico.cli.commands import app, main

__all__ = ["app", "main"]
