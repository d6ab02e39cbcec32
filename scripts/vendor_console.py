"""Bring what the console ships of others' work up to date: package, version, licence, digest."""

import hashlib
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

PLACE = Path(__file__).parent.parent / "src/portico/console/static/vendor"
PACKAGES = {
    "uplot": ("1.6.32", "MIT", ("dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE")),
}
"""What is taken, at which version, under which licence, and the files of it that we serve."""


def main() -> int:
    """Take every package from the registry that npm is set up with; say what was taken."""
    told = {}
    for name, (version, licence, wanted) in PACKAGES.items():
        with TemporaryDirectory() as folder:
            said = subprocess.run(
                ["npm", "pack", f"{name}@{version}", "--silent"],
                cwd=folder,
                check=True,
                capture_output=True,
                text=True,
            )
            files = taken(Path(folder) / said.stdout.split()[-1], wanted)
        for path, data in files.items():
            file = PLACE / (f"{name}.LICENSE" if path == "LICENSE" else Path(path).name)
            file.write_bytes(data)
            digest = hashlib.sha256(data).hexdigest()
            told[file.name] = {
                "package": name,
                "version": version,
                "licence": licence,
                "sha256": digest,
            }
    (PLACE / "vendored.json").write_text(json.dumps(told, indent=2, sort_keys=True) + "\n")
    print("\n".join(f"{name}: {one['package']} {one['version']}" for name, one in told.items()))
    return 0


def taken(archive: Path, wanted: tuple[str, ...]) -> dict[str, bytes]:
    """Return the *wanted* files of a package; nothing else is unpacked."""
    found = {}
    with tarfile.open(archive) as package:
        for path in wanted:
            member = package.extractfile(f"package/{path}")
            assert member is not None, f"{path} is no file"
            found[path] = member.read()
    return found


if __name__ == "__main__":
    sys.exit(main())
