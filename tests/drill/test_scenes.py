"""The drill's list is that of the documentation."""

import re
from pathlib import Path

from portico.drill.scenes import FLAPS, SCENES

PAGE = (Path(__file__).parents[2] / "docs/resilience.md").read_text()


def test_the_documentation_tells_every_scene_and_no_other() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| (.+?) \|", PAGE, re.MULTILINE)
    assert rows == [(one.name, one.wrong) for one in SCENES]


def test_the_documented_run_is_of_these_scenes() -> None:
    run = PAGE.split("```text\n")[1].split("```")[0].splitlines()[1:-2]
    assert [line.split()[0] for line in run] == [one.name for one in SCENES]


def test_flapping_takes_a_minute() -> None:
    assert sum(FLAPS) == 60
