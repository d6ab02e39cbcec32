"""What a chat carried and what its target was shown of it, on the way to the index."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from portico.artifacts.base import blob_key, derived_key
from portico.artifacts.index import Artifact, Use, new_id
from portico.artifacts.intake import kind_of
from portico.artifacts.pictures import Prepared, Size

type Source = bytes | Callable[[], Awaitable[bytes]]

COST = 1_000
"""Bytes that a waiting picture is reckoned at besides its content."""


@dataclass(frozen=True, slots=True)
class Seen:
    """
    A picture that a chat carried, and what its target was shown of it.

    `raw` is the SHA-256 of its bytes, which `source` is or gives (`weight` bytes are held until
    then). `place` is where it stood in the request. `shown` is empty where it went as it came;
    `size` and `pixels`, the hash of its only sheet's, are told then too. `artifact` is its id,
    where the chat named one.
    """

    request: str
    owner: str | None
    place: str
    target: str
    raw: str
    source: Source = field(repr=False)
    weight: int = 0
    shown: tuple[Prepared, ...] = field(default=(), repr=False)
    artifact: str | None = None
    size: Size = (0, 0)
    pixels: str | None = None

    @property
    def held(self) -> int:
        """Return the bytes of memory that this is reckoned at."""
        source = len(self.source) if isinstance(self.source, bytes) else self.weight
        return COST + source + sum(len(view.content) for view in self.shown)

    async def bytes(self) -> bytes:
        """
        Return the picture.

        Raises:
            ValueError: the hash is not its own, and would give somebody else's under its name.
        """
        data = self.source if isinstance(self.source, bytes) else await self.source()
        found = await asyncio.to_thread(lambda: hashlib.sha256(data).hexdigest())
        if found != self.raw:
            raise ValueError("the bytes are not those of the hash")
        return data


def carried(seen: Seen, data: bytes, at: float) -> Artifact:
    """Return a new artifact for what *seen* carried: *data*, at that time."""
    one = {view.pixels for view in seen.shown}
    width, height = seen.shown[0].original if seen.shown else seen.size
    pixels = one.pop() if len(one) == 1 else None
    return Artifact(
        id=new_id(),
        owner=seen.owner,
        raw=seen.raw,
        key=blob_key(seen.raw),
        kind=kind_of(data) or "application/octet-stream",
        size=len(data),
        width=width,
        height=height,
        pixels=pixels if seen.shown else seen.pixels,
        name="",
        created=at,
        uploaded=False,
    )


def made_anew(view: Prepared, sha256: str) -> bool:
    """
    Return whether *view* need not be kept: it is what stripping the bytes of that hash gives.

    Stripping copies; whoever wants to see the view does it again.
    """
    return view.stripped and view.raw == sha256


async def key_of(view: Prepared, artifact: Artifact) -> str:
    """Return where *view* lies: with the artifact itself, if it is nothing else; "" for nowhere."""
    if made_anew(view, artifact.sha256):
        return ""
    if len(view.content) == artifact.size:
        made = await asyncio.to_thread(lambda: hashlib.sha256(view.content).hexdigest())
        if made == artifact.sha256:
            return artifact.key
    return derived_of(view)


def derived_of(view: Prepared) -> str:
    """Return the key of its own that *view* has."""
    return derived_key(view.pixels, view.recipe, view.mime)


def uses(seen: Seen, artifact: Artifact, keys: Sequence[str], at: float) -> list[Use]:
    """Return what there is to note of *seen*: its views lie under *keys*."""
    if not seen.shown:
        return [Use(seen.request, seen.place, seen.target, 0, artifact.id, at)]
    return [
        Use(
            request=seen.request,
            place=seen.place,
            target=seen.target,
            number=number,
            artifact=artifact.id,
            seen=at,
            part=view.part,
            sheet=view.sheet,
            width=view.width,
            height=view.height,
            mime=view.mime,
            recipe=view.recipe,
            derived=key,
        )
        for number, (view, key) in enumerate(zip(seen.shown, keys, strict=True))
    ]
