"""`python -m portico.cli` is `portico`."""

from portico.cli.commands import main

if __name__ == "__main__":
    main()
