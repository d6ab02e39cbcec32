import subprocess
import sys

import pytest

from portico.artifacts.room import make_room

_ASKED = """
import sys
from PIL import Image
from portico.artifacts.room import large_blocks
assert Image.core.get_block_size() < 32 << 20
large_blocks()
large_blocks()
assert Image.core.get_block_size() > 3840 * 2160 * 4
assert Image.new("RGB", (3840, 5000), "red").getpixel((3839, 4999)) == (255, 0, 0)
"""
_LATER = """
from portico.artifacts.room import large_blocks
large_blocks()
from PIL import Image
assert Image.core.get_block_size() > 3840 * 2160 * 4
"""


@pytest.mark.parametrize("pixels", [1, 40_000_000])
def test_room_is_made_on_any_system_without_a_word(pixels: int) -> None:
    make_room(pixels)


@pytest.mark.parametrize("asked", [_ASKED, _LATER], ids=["told", "told before it was there"])
def test_a_screen_is_one_block_once_pillow_was_told(asked: str) -> None:
    """In a process of its own: it is told for the whole of it."""
    subprocess.run([sys.executable, "-c", asked], check=True, timeout=60)
