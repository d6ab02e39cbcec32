"""Memory for large pictures: room made before one comes, and given back once it has gone."""

import ctypes
import os
import sys
from contextlib import suppress

LARGE = 12_000_000
"""Pixels from which a picture takes hundreds of megabytes."""

_BLOCK = 64  # MB: above what glibc is told to keep (decision 004), so they go back at once


def large_blocks() -> None:
    """
    Let Pillow ask for memory in blocks of up to 64 MB, for the whole process.

    A large picture's then go back to the system with it, and a 4K screen's one block is kept for
    the next. With Pillow's own 16 MB all of them are kept, for this thread alone.
    """
    os.environ["PILLOW_BLOCK_SIZE"] = f"{_BLOCK}m"  # it is read when Pillow is imported
    if "PIL.Image" in sys.modules:
        from PIL import _imaging as core

        core.set_block_size(_BLOCK << 20)


def make_room(pixels: int) -> None:
    """
    Give back what other threads have freed, if as many *pixels* as that are about to be decoded.

    It takes a millisecond or two, without the interpreter. Only glibc can be told so; elsewhere
    this does nothing.
    """
    if pixels > LARGE:
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
