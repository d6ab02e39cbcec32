"""What each kind of model takes: formats, bytes, edges, pixels, how many. Data, not code."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

PNG = "image/png"
JPEG = "image/jpeg"


@dataclass(frozen=True, slots=True)
class Profile:
    """
    What one target takes. Pixels: `edge` the longest side, `pixels` the product of both sides.

    `bytes` is one picture's size before base64, `total` that of all in a request; `count` is how
    many pictures may be sent, tiles included.
    `factor` > 1 asks for sides that are its multiples: what the model's own resize would make of
    them, so that it has nothing left to do and boxes in its pixels are boxes in ours. Below
    `legible` of its scale a picture is sent as an overview and at most `tiles` tiles.
    """

    name: str
    formats: frozenset[str] = frozenset({PNG, JPEG})
    bytes: int = 7_000_000
    total: int = 24_000_000
    edge: int = 2048
    pixels: int = 4_194_304
    count: int = 16
    factor: int = 1
    legible: float = 0.6
    tiles: int = 12


GENERIC = Profile("generic")

PROFILES: Mapping[str, Profile] = {
    # 20 MB a request inline, 7 MB a file on Vertex, GIF and SVG refused, 3,600 pictures
    # (upstream-wire §2.1). Google scales on its side, so a 4K screen goes as it is.
    "gemini": Profile("gemini", edge=4096, pixels=16_777_216, count=64, total=14_000_000),
    # The models' own resize: multiples of 28 (32 for the third), at most 16,384 of such squares
    # (upstream-wire §5). A quarter of that: 4K stays legible (0.62) and costs 4,096 tokens.
    "qwen2-vl": Profile("qwen2-vl", edge=8192, pixels=4096 * 28 * 28, factor=28),
    "qwen2.5-vl": Profile("qwen2.5-vl", edge=8192, pixels=4096 * 28 * 28, factor=28),
    "qwen3-vl": Profile("qwen3-vl", edge=8192, pixels=4096 * 32 * 32, factor=32),
    # Trained with the resize of qwen2.5-vl, and given absolute pixels of it (product §4.1).
    "ui-tars": Profile("ui-tars", edge=8192, pixels=4096 * 28 * 28, factor=28),
    # 5 MB a picture; 8000 px, but 2000 px once there are more than 20 (product §4.2).
    "claude": Profile("claude", bytes=3_700_000, edge=2000, pixels=4_000_000, count=20),
    # At most 384 tokens a picture, a body of 48 MiB (upstream-wire §2.3).
    "deepseek": Profile("deepseek", edge=1568, pixels=2_000_000, count=16),
    "generic": GENERIC,
}

LARGEST = max(profile.pixels for profile in PROFILES.values())
HEAVIEST = max(profile.bytes for profile in PROFILES.values())
"""Pixels and bytes beyond which nobody takes a picture as it came."""

_NAMES = ("gemini", "qwen2.5-vl", "qwen2-vl", "qwen3-vl", "ui-tars", "claude", "deepseek")


def shared(profile: Profile, pictures: int) -> Profile:
    """
    Return what each of so many *pictures* in one request may take of what *profile* allows.

    In steps of two, so that what was prepared for a chat of five still serves one of eight.
    """
    among = 1 << max(pictures - 1, 0).bit_length()
    total = profile.total // among
    return replace(
        profile,
        count=max(1, profile.count // among),
        bytes=min(profile.bytes, total),
        total=total,
    )


def profile_for(boxes: str, model: str = "") -> Profile:
    """Return the profile for a target's box convention, or else for its model's name."""
    if boxes in PROFILES:
        return PROFILES[boxes]
    lowered = model.lower()
    return next((PROFILES[name] for name in _NAMES if name in lowered), GENERIC)
