"""Marks know bytes again, and mean nothing elsewhere."""

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from portico.artifacts.marks import Marks

MARKS = Marks()


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_the_same_bytes_have_the_same_mark_and_others_another(one: bytes, other: bytes) -> None:
    assert MARKS(one) == MARKS(memoryview(bytearray(one)))
    assert (MARKS(one) == MARKS(other)) is (one == other)


def test_one_bit_far_down_makes_another_mark() -> None:
    held = bytearray(3_000_000)
    before = MARKS(held)
    held[2_999_983] ^= 1
    assert MARKS(held) != before
    assert MARKS(held[:-1]) != MARKS(held)


def test_nobody_else_has_these_marks() -> None:
    assert Marks()(b"a picture") != MARKS(b"a picture")


def test_what_it_needs_is_loaded_with_the_first_picture() -> None:
    asked = "import sys, portico.app; print('cryptography' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
