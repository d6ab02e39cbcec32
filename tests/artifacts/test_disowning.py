"""Somebody is forgotten just while another brings the same bytes: the other one's stay."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from portico.artifacts.archive import open_archive
from portico.artifacts.index import Artifact, Index
from portico.artifacts.shelf import Shelf
from tests.artifacts import odd
from tests.artifacts.shelves import Kept, kept_in, opened, seen, shown

pytestmark = pytest.mark.anyio

PNG = odd.saved(odd.screen(4000, 300), "PNG")  # models are shown less of it


class Between:
    """An index that loses *whom* between what another one has claimed and what speaks of it."""

    def __init__(self, kept: Kept, whom: str) -> None:
        self._index: Index = kept.shelf.index
        self._kept = kept
        self._whom = whom
        self.went: frozenset[str] = frozenset()

    async def add(self, artifact: Artifact) -> None:
        await self._forget()
        await self._index.add(artifact)

    async def settle(self, stored: object, new: object, uses: Sequence[object]) -> object:
        await self._forget()
        return await self._index.settle(stored, new, uses)  # type: ignore[arg-type]  # as it came

    async def _forget(self) -> None:
        gone = await self._index.disown({self._whom}, ())
        for key in gone.keys:
            assert await self._index.condemn(key, self._kept.clock(), 0.0)
            await self._kept.blobs.delete(key)
            await self._index.forget(key)
        self.went |= gone.keys

    def __getattr__(self, name: str) -> object:
        return getattr(self._index, name)


@pytest.mark.parametrize("way", ["an upload", "a chat"])
async def test_what_goes_with_somebody_is_put_back_for_whoever_has_it_too(
    way: str, tmp_path: Path
) -> None:
    async with kept_in(tmp_path) as kept:
        async with open_archive(kept.shelf, opened) as archive:
            await archive.add(PNG, "ann")
            archive.keep(seen(PNG, shown=shown(PNG)))
            await archive.flush()
        before = set(await kept.listed())
        between = Between(kept, "ann")
        shelf = Shelf(kept.blobs, between, kept.clock)  # type: ignore[arg-type]  # a filling of it
        async with open_archive(shelf, opened) as archive:
            if way == "an upload":
                theirs = await archive.add(PNG, "bert")
                assert await archive.read(theirs) == PNG
                return
            archive.keep(seen(PNG, "req_b", "bert", shown=shown(PNG)))
            await archive.flush()
            assert between.went == before, "all of it went"
            assert set(await kept.listed()) == before, "and is back"
            for use in await archive.uses("req_b"):
                assert await archive.view(use)
