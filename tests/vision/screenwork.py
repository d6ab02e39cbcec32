"""A screen as it is sent to a target, for tests over drawn screens."""

from dataclasses import dataclass
from functools import cache
from io import BytesIO

from PIL import Image

from portico.artifacts.images import open_picture, prepare
from portico.artifacts.profiles import profile_for
from portico.vision.elements import Box, Picture, Seen
from portico.vision.fitting import Edges
from portico.vision.pixels import Pixels, pixels_of
from portico.vision.reading import Glance
from portico.vision.resizing import smart_resize
from tests.screens.catalog import Screen
from tests.screens.writing import CONVENTIONS, seen_of


@dataclass(frozen=True, slots=True)
class Sent:
    """One view that was sent: what of the screen it shows, and the picture itself."""

    seen: Seen
    content: bytes

    @property
    def image(self) -> Image.Image:
        return Image.open(BytesIO(self.content))


@cache
def sent(screen: Screen, conventions: tuple[str, ...] = CONVENTIONS) -> dict[str, list[Sent]]:
    """Return what a target of each convention is sent of *screen*, prepared for its profile."""
    picture = open_picture(screen.content)
    profiles = {profile_for(name).name: profile_for(name) for name in conventions}
    made = {
        name: [Sent(seen_of(one), one.content) for one in prepare(picture, profile)]
        for name, profile in profiles.items()
    }
    return {name: made[profile_for(name).name] for name in conventions}


def glances(screen: Screen, views: dict[str, list[Sent]]) -> dict[str, list[Glance]]:
    """Return every view as it is put before a target; the edges of one picture are found once."""
    edges: dict[bytes, Edges] = {}
    for view in (view for each in views.values() for view in each):
        if view.content not in edges:
            edges[view.content] = Edges.of(pixels_of(view.image))
    picture = Picture(screen.width, screen.height)
    return {
        name: [
            Glance("model", name, picture, view.seen, edges[view.content]) for view in views[name]
        ]
        for name in views
    }


def half_steps(convention: str, seen: Seen) -> tuple[float, float]:
    """Return half of what one step of a convention's numbers is in the original, both ways."""
    steps: tuple[float, float] = (1000, 1000)
    if convention in ("qwen2.5-vl", "ui-tars"):
        steps = smart_resize(seen.width, seen.height, 28)
    elif convention == "omniparser":
        steps = (10_000, 10_000)
    (wide, high), (across, down) = steps, seen.scale
    return seen.width / wide / across / 2, seen.height / high / down / 2


def apart(one: Box, other: Box, steps: tuple[float, float]) -> float:
    """Return by how many pixels the worst side is off, beyond what *steps* explain."""
    across = max(abs(one.x1 - other.x1), abs(one.x2 - other.x2)) - steps[0]
    return max(across, max(abs(one.y1 - other.y1), abs(one.y2 - other.y2)) - steps[1])


def pixels(screen: Screen) -> Pixels:
    """Return the pixels of *screen* itself."""
    return pixels_of(Image.open(BytesIO(screen.content)))
