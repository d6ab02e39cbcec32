"""
Measure what pictures cost: CPU for a 4K screen, and the peak of memory for forty megapixels.

    python scripts/measure_pictures.py FOLDER

Each line is measured in a process of its own: a peak never goes down again.
"""

import hashlib
import io
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageDraw

sys.path.insert(0, str(Path(__file__).parent.parent))

from portico.artifacts.images import open_picture, prepare
from portico.artifacts.kept import Kept
from portico.artifacts.profiles import PROFILES
from portico.artifacts.room import large_blocks

ROUNDS = 5


def screen() -> bytes:
    """Return a PNG of 3840 x 2160: a list with text, a sidebar and a photograph."""
    image = Image.new("RGB", (3840, 2160), (245, 246, 248))
    pen = ImageDraw.Draw(image)
    for top in range(0, 2160, 48):
        pen.rectangle((40, top, 500, top + 36), fill=(top % 255, 100, 200))
        pen.text(
            (540, top), "Quarterly report, 42 rows, last change today " * 3, "black", font_size=28
        )
    noise = np.random.default_rng(0).normal(128, 8, (600, 900, 3)).clip(0, 255).astype(np.uint8)
    image.paste(Image.fromarray(noise), (2800, 1400))
    return saved(image, "PNG")


def busy() -> bytes:
    """Return a PNG of 3840 x 2160 that is over seven million bytes: half of it a photograph."""
    image = Image.open(io.BytesIO(screen()))
    image.paste(photograph().crop((0, 0, 3000, 1400)), (0, 0))
    grain = np.random.default_rng(1).integers(-6, 7, (1400, 3000, 3), np.int16)
    noisy = (np.asarray(image.crop((0, 0, 3000, 1400))) + grain).clip(0, 255).astype(np.uint8)
    image.paste(Image.fromarray(noisy), (0, 0))
    return saved(image, "PNG")


def photograph() -> Image.Image:
    """Return forty megapixels that do not compress to nothing."""
    small = np.random.default_rng(0).integers(0, 255, (171, 229, 3), np.uint8)
    return Image.fromarray(small).resize((7310, 5472), Image.Resampling.BICUBIC)


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    """Return *image* as a file."""
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def large(form: str) -> bytes:
    """Return forty megapixels as *form*; "JPEG6" is a JPEG that lies on its side."""
    if form == "JPEG6":
        told = Image.Exif()
        told[0x0112] = 6
        return saved(photograph(), "JPEG", quality=90, exif=told)
    if form == "HEIC":
        out = io.BytesIO()
        pillow_heif.from_pillow(photograph()).save(out, quality=50)
        return out.getvalue()
    quick = {"PNG": {"compress_level": 1}}
    return saved(photograph(), form, **quick.get(form, {}))


def cpu(profile: str, kind: str) -> None:
    """Print the least CPU time of some rounds, first and after."""
    data = {"screen": screen, "busy": busy}[kind]()
    first, after = [], []
    kept = Kept()
    for _ in range(ROUNDS):
        began = time.process_time()
        kept.keep(PROFILES[profile], prepare(open_picture(data), PROFILES[profile]))
        first.append(time.process_time() - began)
        began = time.process_time()
        assert kept.find(hashlib.sha256(data).hexdigest(), PROFILES[profile])
        after.append(time.process_time() - began)
    size = len(data) / 1e6
    told = f"first {min(first) * 1e3:.0f} ms, again {min(after) * 1e3:.1f} ms of CPU"
    print(f"4K PNG of {size:.1f} MB for {profile}: {told}")


def peak() -> int:
    """Return the peak resident size in MB; getrusage would count the parent's before exec."""
    told = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(told[1]) >> 10 if told else 0


def memory(profile: str, path: str) -> None:
    """Print the peak resident size of preparing one file."""
    large_blocks()
    idle = peak()
    began = time.process_time()
    made = prepare(open_picture(Path(path).read_bytes()), PROFILES[profile])
    spent = time.process_time() - began
    sizes = ", ".join(f"{one.width} x {one.height} {one.mime}" for one in made)
    name = Path(path).name
    print(f"{name} for {profile}: peak {peak()} MB (idle {idle}), {spent:.1f} s; {sizes}")


def main() -> None:
    """Measure all of it, or with arguments one line."""
    match sys.argv[1:]:
        case ["cpu", profile, kind]:
            cpu(profile, kind)
        case ["memory", profile, path]:
            memory(profile, path)
        case [folder]:
            everything(Path(folder))
        case _:
            print(__doc__)


def everything(folder: Path) -> None:
    """Write the large pictures into *folder* and start one process a line."""
    again = [sys.executable, __file__]
    for profile in ("gemini", "qwen3-vl"):
        for kind in ("screen", "busy"):
            subprocess.run([*again, "cpu", profile, kind], check=True)
    for form in ("PNG", "JPEG", "JPEG6", "HEIC"):
        path = folder / f"40-megapixel-{form.lower()}"
        path.write_bytes(large(form))
        for profile in ("gemini", "qwen3-vl"):
            subprocess.run([*again, "memory", profile, str(path)], check=True)


if __name__ == "__main__":
    main()
