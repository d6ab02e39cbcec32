"""What we ship of others' work is what was taken, and its licence with it."""

import hashlib
import json
from pathlib import Path

import portico.console

PLACE = Path(portico.console.__file__).parent / "static/vendor"


def test_every_vendored_file_is_the_one_that_was_taken() -> None:
    told = json.loads((PLACE / "vendored.json").read_text())
    files = {file.name for file in PLACE.iterdir()} - {"vendored.json"}
    assert files == set(told)
    for name, one in told.items():
        assert hashlib.sha256((PLACE / name).read_bytes()).hexdigest() == one["sha256"], name
        assert (PLACE / f"{one['package']}.LICENSE").exists()
