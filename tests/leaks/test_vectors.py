"""The corpus: nothing of it passes the street, and all of it would without what stops it."""

import pytest

from tests.leaks.houses import ROOT
from tests.leaks.lab import Lab, Layer
from tests.leaks.vectors import VECTORS, Vector

pytestmark = pytest.mark.timeout(300)  # the first one installs and starts the town

TOLD = ROOT / "docs/egress-leaks.md"
SUMMED = ROOT / "docs/egress.md"
BY_NAME = pytest.mark.parametrize("vector", VECTORS, ids=[vector.name for vector in VECTORS])


def test_the_corpus_is_large_enough() -> None:
    assert len({vector.name for vector in VECTORS}) == len(VECTORS) >= 40
    assert f"holds {len(VECTORS)} ways" in TOLD.read_text()
    assert f"[{len(VECTORS)} ways out](egress-leaks.md)" in SUMMED.read_text()
    assert {layer for vector in VECTORS for layer in vector.layers} == set(Layer)


@BY_NAME
def test_nothing_passes(lab: Lab, vector: Vector) -> None:
    """Counters are not set back in between: what comes late is seen as well."""
    with vector.state(lab):
        said = vector.act(lab)
    assert lab.town.seen() == {}, said


@BY_NAME
def test_without_what_stops_it_it_passes(lab: Lab, vector: Vector) -> None:
    """The negative control: a vector that cannot leak proves nothing."""
    act = vector.naive or vector.act
    with lab.without(*vector.layers, capable=vector.capable), vector.state(lab):
        said = act(lab)
        assert lab.leaked(vector.seen), said
