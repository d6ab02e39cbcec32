"""`portico egress check` in the gateway's house: green with all layers, red without one of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.leaks.configured import configured
from tests.leaks.lab import PORTICO, Lab, Layer
from tests.leaks.town import EXIT1, WORLD

pytestmark = pytest.mark.timeout(300)

LOOKED_AT = {"exit", "service", "closed", "names", "refusals", "counters", "control"}

type Findings = list[dict[str, Any]]


def checked(lab: Lab, folder: Path, control: str = "") -> Findings:
    """Return what is found in the gateway's house, as it is now."""
    file = folder / "portico.yaml"
    file.write_text(configured(lab, control))
    lab.recounted()
    found: Findings = json.loads(lab.gateway.do("check", config=str(file), home=str(folder)))
    return found


def reds(found: Findings) -> set[str]:
    return {one["check"] for one in found if one["level"] == "error"}


def test_with_all_layers_it_is_green_and_looks_at_everything(lab: Lab, tmp_path: Path) -> None:
    lab.uncounted()
    found = checked(lab, tmp_path)
    levels = {(one["check"], one["level"]) for one in found}
    assert levels >= {(each, "ok") for each in LOOKED_AT}
    assert {level for _, level in levels} <= {"ok", "note"}
    assert f"it comes out at {EXIT1} XX" in [one["what"] for one in found if one["check"] == "exit"]
    assert lab.town.settled() == {}, "looking does not leak"


@pytest.mark.parametrize(
    ("layers", "red"),
    [
        ((Layer.NAMESPACE,), {"closed", "names"}),
        ((Layer.LIST,), {"refusals"}),
        ((Layer.FIREWALL,), {"counters"}),
        ((Layer.ENGINE,), {"counters", "service"}),
        ((Layer.ENGINE, Layer.FIREWALL), {"counters", "exit", "refusals"}),
    ],
    ids=lambda each: " and ".join(each) if isinstance(each, tuple) else "",
)
def test_without_a_layer_it_is_red_and_with_it_green_again(
    lab: Lab, tmp_path: Path, layers: tuple[Layer, ...], red: set[str]
) -> None:
    lab.uncounted()
    with lab.without(*layers):
        found = checked(lab, tmp_path)
    assert reds(found) == red, found
    lab.uncounted()
    assert reds(checked(lab, tmp_path)) == set()


def test_a_dead_network_is_not_taken_for_a_closed_one(lab: Lab, tmp_path: Path) -> None:
    """A control that stands where there is no way out reaches nothing, and proves nothing."""
    lab.uncounted()
    place, house = "127.0.0.1:3131", lab.town["gateway"]
    (tmp_path / "control.yaml").write_text(f'boundary: {{outside: ["{WORLD}:443"]}}\n')
    words = ["egress", "control", "--config", str(tmp_path / "control.yaml"), "--port", "3131"]
    process = house.start([PORTICO, *words], port=3131)
    found = checked(lab, tmp_path, place)
    house.end(process)
    assert reds(found) == {"control"}
    assert "nothing can be concluded" in next(
        one["what"] for one in found if one["check"] == "control"
    )
    assert reds(checked(lab, tmp_path, place)) == {"control"}, "and one that is gone likewise"
