"""Any one layer may fail. Two that guard the same way may not: the harness sees it."""

import re
from itertools import combinations

import pytest

from tests.leaks.houses import ROOT
from tests.leaks.lab import Lab, Layer
from tests.leaks.matrix import CLOSED, SEEN, measured, table

pytestmark = pytest.mark.timeout(300)

TOLD = ROOT / "docs/egress-leaks.md"


def test_the_matrix_is_as_it_is_told(lab: Lab) -> None:
    passed = measured(lab)
    seen = {" and ".join(layers): kinds for layers, kinds in passed.items() if kinds}
    assert table(passed) in TOLD.read_text(), f"{TOLD.name} tells another matrix than this: {seen}"


def test_every_layer_alone_may_fail_and_each_has_one_that_may_not_fail_with_it() -> None:
    rows = re.findall(r"^\| (.+) \|$", TOLD.read_text(), re.MULTILINE)
    cells = {row.split(" | ")[0]: row.split(" | ")[1:] for row in rows}
    matrix = [cells[str(layer)] for layer in Layer]
    numbers = range(len(Layer))
    assert all(matrix[one][one] == CLOSED for one in numbers)
    assert all(SEEN in row for row in matrix)
    assert all(matrix[one][two] == matrix[two][one] for one, two in combinations(numbers, 2))
