"""
Real servers for tests, on this machine only.

    python -m scripts.services up [s3 mongodb]  # prints the environment that tests look for
    python -m scripts.services down [s3 mongodb]

`up` installs what is missing where it may, and twice is once; `down` ends what `up` started.
"""

import argparse
import sys
from pathlib import Path

from scripts.services import ceph, mongo

FOLDER = Path(__file__).resolve().parents[2] / ".services"
SERVICES = {"s3": ceph, "mongodb": mongo}


def main() -> int:
    """Do as the command line says."""
    told = argparse.ArgumentParser(prog="python -m scripts.services")
    told.add_argument("action", choices=("up", "down"))
    told.add_argument("services", nargs="*", default=list(SERVICES), metavar="service")
    given = told.parse_args()
    if unknown := set(given.services) - SERVICES.keys():
        told.error(f"unknown: {', '.join(sorted(unknown))}; there is {', '.join(SERVICES)}")
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / ".gitignore").write_text("*\n")
    for name in given.services:
        service = SERVICES[name]
        if given.action == "down":
            service.down(FOLDER / name)
            continue
        try:
            service.install()
            environ = service.up(FOLDER / name)
        except (ceph.Unavailable, mongo.Unavailable) as exc:
            print(f"{name}: {exc}", file=sys.stderr)
            return 1
        for variable, value in environ.items():
            print(f"export {variable}='{value}'")
    return 0


if __name__ == "__main__":
    sys.exit(main())
