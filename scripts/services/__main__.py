"""
Real servers for tests, on this machine only.

    python -m scripts.services up [mongodb postgres s3 valkey]
    python -m scripts.services down [mongodb postgres s3 valkey]

`up` installs what is missing where it may, and prints the environment that tests look for; twice is
once. `down` ends what `up` started.
"""

import argparse
import sys

from scripts.services import ceph, mongo, postgres, valkey
from scripts.services.base import Unavailable
from scripts.services.sharing import folder, keep

SERVICES = {"mongodb": mongo, "postgres": postgres, "s3": ceph, "valkey": valkey}


def main() -> int:
    """Do as the command line says."""
    told = argparse.ArgumentParser(prog="python -m scripts.services")
    told.add_argument("action", choices=("up", "down"))
    told.add_argument("services", nargs="*", default=list(SERVICES), metavar="service")
    given = told.parse_args()
    if unknown := set(given.services) - SERVICES.keys():
        told.error(f"unknown: {', '.join(sorted(unknown))}; there is {', '.join(SERVICES)}")
    failed = 0
    for name in given.services:
        service = SERVICES[name]
        if given.action == "down":
            service.down(folder() / name)
            continue
        try:
            service.install()
            environ = service.up(folder() / name)
            keep(name)
        except Unavailable as exc:
            print(f"{name}: {exc}", file=sys.stderr)
            failed = 1
            continue
        for variable, value in environ.items():
            print(f"export {variable}='{value}'")
    return failed


if __name__ == "__main__":
    sys.exit(main())
