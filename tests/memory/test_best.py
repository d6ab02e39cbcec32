"""The best of many, in the order that sorting all of them would give."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from portico.memory.vectors import best_of


@given(st.lists(st.integers(-3, 3), max_size=40), st.integers(1, 12))
def test_the_best_are_those_that_a_sort_of_all_puts_first(scores: list[int], limit: int) -> None:
    given_scores = np.array(scores, np.float32)
    expected = np.argsort(-given_scores, kind="stable")[:limit]
    assert best_of(given_scores, limit).tolist() == expected.tolist()
