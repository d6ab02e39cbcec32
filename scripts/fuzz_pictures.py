"""
Mutate one whole picture of each kind for some minutes and keep what is not refused in one sentence.

    python scripts/fuzz_pictures.py --minutes 10 --seed 1 --keep tests/artifacts/seeds

A finding is any exception but `PictureRefused`, or more than ten seconds for one picture; it is
written to --keep, where the tests read it. A crash of the interpreter leaves its input there, too.
Half of the PNGs get the checksums that their changes need, or nothing behind the first chunk
would be read; what two decoders can read must be the same to both, or it is a finding as well.
SVG, PDF and TIFF are read by a process of their own, so only a few of those are tried.
"""

import argparse
import io
import random
import struct
import sys
import time
import warnings
import zlib
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from PIL import Image
from tests.artifacts import odd

from portico.artifacts import png
from portico.artifacts.images import open_picture, prepare
from portico.artifacts.pictures import Limits, PictureRefused
from portico.artifacts.profiles import PROFILES

LIMITS = Limits(pixels=4_000_000, seconds=5)
SIGNATURE = b"\x89PNG\r\n\x1a\n"
NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)


def mutated(data: bytes, others: list[bytes], luck: random.Random) -> bytes:
    """Return *data* with a few bytes changed, repeated, cut out, swapped or spliced."""
    changed = bytearray(data)
    for _ in range(luck.choice((1, 1, 2, 3, 8))):
        place = luck.randrange(len(changed) or 1)
        # Headers decide more than pixels do.
        place = min(place, luck.randrange(64)) if luck.random() < 0.5 else place
        match luck.randrange(6):
            case 0:
                changed[place : place + 1] = bytes([luck.randrange(256)])
            case 1:
                width = luck.choice((1, 2, 4))
                number = luck.choice(NUMBERS) & (1 << 8 * width) - 1
                changed[place : place + width] = number.to_bytes(
                    width, luck.choice(("big", "little"))
                )
            case 2:
                del changed[place : place + luck.randrange(1, 32)]
            case 3:
                changed[place:place] = changed[place : place + luck.randrange(1, 64)]
            case 4:
                del changed[max(12, place) :]
            case _:
                other = luck.choice(others)
                start = luck.randrange(len(other))
                changed[place:] = other[start:]
    whole = bytes(changed)
    return sealed(whole, luck) if whole.startswith(SIGNATURE) and luck.random() < 0.5 else whole


def sealed(data: bytes, luck: random.Random) -> bytes:
    """Return a PNG whose chunks have the checksums they need, and rows that were changed inside."""
    place, made, packed = 8, bytearray(data[:8]), b""
    while place + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        body = data[place + 8 : place + 8 + min(length, len(data))]
        place += 12 + length
        if name == b"IDAT" and luck.random() < 0.5:
            packed += body
            continue
        if packed:
            made += odd.chunk(b"IDAT", repacked(packed, luck))
            packed = b""
        made += odd.chunk(name, body)
    return bytes(made)


def repacked(packed: bytes, luck: random.Random) -> bytes:
    """Return the rows in *packed*, some of their bytes changed; as they are if they are no rows."""
    try:
        rows = bytearray(zlib.decompressobj().decompress(packed, 1_000_000))
    except zlib.error:
        return packed
    for _ in range(luck.randrange(4)):
        place = luck.randrange(len(rows) or 1)
        rows[place : place + 1] = bytes([luck.randrange(256)] * luck.choice((0, 1, 1, 1, 2)))
    return zlib.compress(bytes(rows), luck.randrange(10))


def alike(data: bytes) -> None:
    """Raise AssertionError where libpng and Pillow read different pixels."""
    opened = Image.open(io.BytesIO(data))
    found = png.pixels(opened, data) if opened.width * opened.height <= LIMITS.pixels else None
    if found is None:
        return
    try:
        opened.load()
    except Exception:  # it reads less than libpng does: there is nothing to compare
        return
    assert found.image.tobytes() == opened.tobytes(), "two decoders, two pictures"


def tried(data: bytes) -> str:
    """Return what came of one picture: its kind, or the reason for refusing it."""
    try:
        picture = open_picture(data, LIMITS)
        if picture.kind == "image/png":
            alike(data)
        for profile in (PROFILES["gemini"], PROFILES["qwen2.5-vl"]):
            for made in prepare(picture, profile):
                assert odd.CANARY not in made.content
    except PictureRefused as refused:
        return str(refused)[:48]
    return picture.kind


def arguments() -> argparse.Namespace:
    """Return what was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=Path("tests/artifacts/seeds"))
    return parser.parse_args()


def main() -> None:
    """Fuzz until the time is up; the exit code is the number of findings."""
    asked = arguments()
    warnings.simplefilter("ignore")
    asked.keep.mkdir(parents=True, exist_ok=True)
    luck = random.Random(asked.seed)
    apart = [odd.svg("<text>words</text>"), odd.pdf("words"), odd.every()["tiff"]]
    whole = [data for name, data in odd.every().items() if name != "tiff"]
    came: Counter[str] = Counter()
    findings = 0
    end = time.monotonic() + asked.minutes * 60
    current = asked.keep / f"current-{asked.seed}.bin"
    while time.monotonic() < end:
        seeds = apart if luck.random() < 0.01 else whole
        data = mutated(luck.choice(seeds), whole, luck)
        current.write_bytes(data)
        began = time.monotonic()
        try:
            came[tried(data)] += 1
            slow = time.monotonic() - began > 10
        except Exception as error:  # that is what it looks for
            came[f"FOUND {type(error).__name__}: {error}"] += 1
            slow = True
        if slow:
            findings += 1
            (asked.keep / f"found-{asked.seed}-{sum(came.values())}.bin").write_bytes(data)
    current.unlink()
    print(*(f"{times:8} {what}" for what, times in came.most_common()), sep="\n")
    print(f"{sum(came.values())} pictures, {findings} findings")
    sys.exit(min(findings, 100))


if __name__ == "__main__":
    main()
