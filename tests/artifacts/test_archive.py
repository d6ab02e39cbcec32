"""Artifacts, kept once: whose they are, what is one with what, and what chats leave behind."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from portico.artifacts.archive import Archive, open_archive
from portico.artifacts.base import BlobMissing, blob_key
from portico.artifacts.images import open_picture
from portico.artifacts.index import ID
from portico.artifacts.pictures import PictureRefused
from portico.errors import NotFound, StoreUnavailable
from tests.artifacts import odd
from tests.artifacts.shelves import JPEG, PACE, PNG, Kept, kept_in, opened, raw, seen, shown

pytestmark = pytest.mark.anyio

WEBP = odd.saved(odd.screen(), "WEBP", lossless=True, exact=True)


def with_exif(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    return odd.saved(image, form, exif=odd.exif(1), **options)


def with_text(image: Image.Image) -> bytes:
    told = PngImagePlugin.PngInfo()
    told.add_text("Comment", odd.CANARY.decode())
    return odd.saved(image, "PNG", pnginfo=told)


def clear(form: str, **options: object) -> bytes:
    image = odd.screen().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return odd.saved(image, form, **options)


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    async with kept_in(tmp_path) as found:
        yield found


@pytest.fixture
async def archive(kept: Kept) -> AsyncIterator[Archive]:
    async with open_archive(kept.shelf, opened, pace=PACE) as found:
        yield found


async def test_what_is_added_is_described_by_its_content(archive: Archive, kept: Kept) -> None:
    made = await archive.add(PNG, "ann", "../holiday\\Screen 1\x00.png")
    assert ID.fullmatch(made.id)
    assert (made.kind, made.size, made.width, made.height) == ("image/png", len(PNG), 120, 80)
    assert made.raw == made.sha256 == raw(PNG)
    assert made.pixels == open_picture(PNG).sheets[0].pixels
    assert (made.name, made.owner, made.created) == ("Screen 1.png", "ann", kept.clock.now)
    assert await archive.read(made) == PNG
    assert await archive.read(made, (1, 4)) == b"PNG"
    assert await archive.find(made.id, "ann") == made


async def test_what_is_no_picture_is_refused_and_not_kept(archive: Archive, kept: Kept) -> None:
    with pytest.raises(PictureRefused):
        await archive.add(b"#!/bin/sh", "ann")
    assert await kept.listed() == []


async def test_a_drawing_and_pages_are_kept_as_they_came(archive: Archive) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg" width="30" height="20"><rect/></svg>'
    made = await archive.add(svg, "ann")
    assert (made.kind, await archive.read(made)) == ("image/svg+xml", svg)


async def test_the_same_bytes_are_one_blob_under_an_id_for_each_upload(
    archive: Archive, kept: Kept
) -> None:
    made = [await archive.add(PNG, owner) for owner in ("ann", "ann", "bob", None)]
    assert len({one.id for one in made}) == 4
    assert await kept.listed() == [blob_key(raw(PNG))]
    assert {replace(one, id="", owner="") for one in made} == {replace(made[0], id="", owner="")}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (PNG, WEBP),
        (WEBP, PNG),
        (PNG, odd.saved(odd.screen(), "PNG", compress_level=1)),
        (clear("PNG"), clear("WEBP", lossless=True, exact=True)),
    ],
    ids=["png, webp", "webp, png", "two pngs", "translucent"],
)
async def test_a_png_and_its_lossless_webp_are_one(
    archive: Archive, kept: Kept, first: bytes, second: bytes
) -> None:
    assert first != second
    one, other = await archive.add(first, "ann"), await archive.add(second, "ann")
    assert await kept.listed() == [blob_key(raw(first))]
    assert one.pixels == other.pixels
    assert (other.sha256, other.kind, other.size) == (one.sha256, one.kind, one.size)
    assert await archive.read(other) == first


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (with_exif(odd.screen()), PNG),
        (PNG, with_exif(odd.screen())),
        (with_text(odd.screen()), WEBP),
        (with_exif(odd.screen(), "WEBP", lossless=True, exact=True), PNG),
        (PNG, with_exif(odd.screen(), "WEBP", lossless=True, exact=True)),
    ],
)
async def test_a_file_that_says_more_than_its_pixels_stands_for_no_other(
    archive: Archive, first: bytes, second: bytes
) -> None:
    """Whoever took the place out of a picture must not be given it back with the place in."""
    one, other = await archive.add(first, "ann"), await archive.add(second, "ann")
    assert one.pixels == other.pixels
    assert await archive.read(one) == first
    assert await archive.read(other) == second


async def test_other_peoples_files_never_stand_for_mine(archive: Archive) -> None:
    """Else whoever uploads a WebP and gets a PNG back knows that somebody else has that."""
    await archive.add(PNG, "ann")
    made = await archive.add(WEBP, "bob")
    assert (made.kind, await archive.read(made)) == ("image/webp", WEBP)


async def test_bytes_are_written_for_whoever_has_not_brought_them_before(
    archive: Archive, kept: Kept
) -> None:
    """The time that an upload takes does not tell what others have."""
    await archive.add(PNG, "ann")
    await archive.add(PNG, "bob")
    assert kept.blobs.puts == [blob_key(raw(PNG))] * 2


async def test_an_animation_and_its_contact_sheet_are_two(archive: Archive) -> None:
    films = [
        odd.saved(
            odd.screen(), form, save_all=True, append_images=[odd.screen().rotate(180)], **more
        )
        for form, more in (("PNG", {}), ("WEBP", {"lossless": True}))
    ]
    for film in films:
        made = await archive.add(film, "ann")
        assert not made.bare
        assert await archive.read(made) == film


@pytest.mark.parametrize("ident", ["art_" + "a" * 26, "", "art_", "../x", "art_" + "A" * 26])
async def test_an_unknown_id_is_not_found(archive: Archive, ident: str) -> None:
    with pytest.raises(NotFound, match="There is no such artifact"):
        await archive.find(ident, "ann")


async def test_somebody_elses_is_as_unknown_as_none(archive: Archive) -> None:
    made = await archive.add(PNG, "ann")
    for caller in ("bob", None):
        for call in (
            archive.find(made.id, caller),
            archive.delete(made.id, caller),
            archive.grant(made.id, caller, "bob"),
        ):
            with pytest.raises(NotFound, match="There is no such artifact"):
                await call
    assert await archive.find(made.id, "ann") == made


async def test_what_nobody_owns_is_everybodys(archive: Archive) -> None:
    made = await archive.add(PNG, None)
    assert await archive.find(made.id, None) == await archive.find(made.id, "ann") == made
    await archive.delete(made.id, "bob")
    with pytest.raises(NotFound):
        await archive.find(made.id, None)


async def test_a_grant_opens_an_artifact_until_it_is_given_back(archive: Archive) -> None:
    made = await archive.add(PNG, "ann")
    await archive.grant(made.id, "ann", "bob")
    await archive.grant(made.id, "ann", "bob")
    assert await archive.find(made.id, "bob") == made
    with pytest.raises(NotFound):
        await archive.grant(made.id, "bob", "eve")
    await archive.delete(made.id, "bob")
    with pytest.raises(NotFound):
        await archive.find(made.id, "bob")
    assert await archive.find(made.id, "ann") == made


async def test_what_is_deleted_is_gone_for_everybody_at_once(archive: Archive) -> None:
    made, other = await archive.add(PNG, "ann"), await archive.add(PNG, "bob")
    await archive.grant(made.id, "ann", "eve")
    await archive.delete(made.id, "ann")
    for caller in ("ann", "eve"):
        with pytest.raises(NotFound):
            await archive.find(made.id, caller)
    assert await archive.read(await archive.find(other.id, "bob")) == PNG


async def test_a_store_that_is_away_takes_nothing_half(archive: Archive, kept: Kept) -> None:
    kept.blobs.away = True
    with pytest.raises(StoreUnavailable):
        await archive.add(PNG, "ann")
    kept.blobs.away = False
    made = await archive.add(PNG, "ann")
    assert await archive.read(made) == PNG


async def test_bytes_that_somebody_took_out_are_put_back_by_the_next_who_brings_them(
    archive: Archive, kept: Kept
) -> None:
    made = await archive.add(PNG, "ann")
    await kept.blobs.delete(made.key)
    with pytest.raises(BlobMissing):
        await archive.read(made)
    archive.keep(seen(PNG, owner="ann"))
    await archive.flush()
    assert await archive.read(made) == PNG


async def test_a_hundred_chats_with_one_screenshot_keep_one_blob(
    archive: Archive, kept: Kept
) -> None:
    views = shown(PNG)
    for number in range(100):
        archive.keep(seen(PNG, f"req_{number}", f"owner-{number % 7}", shown=views))
    await archive.flush()
    assert await kept.listed() == [blob_key(raw(PNG))]
    assert len(kept.blobs.puts) == 1
    uses = [use for number in range(100) for use in await archive.uses(f"req_{number}")]
    assert (len(uses), len({use.artifact for use in uses})) == (100, 7)
    assert await archive.view(uses[99]) == views[0].content


async def test_what_the_model_saw_is_kept_with_its_recipe(archive: Archive, kept: Kept) -> None:
    data = odd.saved(odd.page(400, 6000), "PNG")
    (whole,) = shown(data)
    tiles = [replace(whole, part="tile", recipe=f"tile {n}", content=b"%d" % n) for n in range(11)]
    views = (whole, *tiles)
    for _ in range(2):
        archive.keep(seen(data, shown=views))
    await archive.flush()
    uses = await archive.uses("req_1")
    assert [(use.number, use.part, use.recipe) for use in uses] == [
        (number, view.part, view.recipe) for number, view in enumerate(views)
    ]
    assert [await archive.view(use) for use in uses] == [view.content for view in views]
    assert all(use.place == "messages[0].content[1]" for use in uses)
    artifact = await archive.find(uses[0].artifact, "ann")
    assert (artifact.width, artifact.height, artifact.uploaded) == (400, 6000, False)
    assert len(await kept.listed("derived")) == len(views)


async def test_what_went_as_it_came_is_shown_as_it_came(archive: Archive) -> None:
    archive.keep(seen(JPEG))
    await archive.flush()
    (use,) = await archive.uses("req_1")
    assert (use.derived, use.recipe) == ("", "")
    assert await archive.view(use) == JPEG
    await archive.delete(use.artifact, "ann")
    assert await archive.uses("req_1") == []
    with pytest.raises(NotFound):
        await archive.view(use)


async def test_what_was_only_stripped_is_not_kept_twice(archive: Archive, kept: Kept) -> None:
    data = odd.saved(odd.screen(), "JPEG", quality=90, exif=odd.exif(1))
    (view,) = shown(data)
    assert view.content != data
    archive.keep(seen(data, shown=(view,)))
    await archive.flush()
    (use,) = await archive.uses("req_1")
    assert (use.derived, use.recipe, use.mime) == ("", view.recipe, "image/jpeg")
    assert await archive.view(use) == view.content
    assert await kept.listed() == [blob_key(raw(data))]


async def test_what_was_stripped_of_bytes_that_are_not_kept_is_kept_itself(
    archive: Archive, kept: Kept
) -> None:
    data = odd.saved(odd.screen(), "PNG", compress_level=1)
    twin = odd.saved(odd.screen(), "WEBP", lossless=True)
    for each in (twin, data):
        await archive.add(each, "ann")
    views = shown(data)
    assert views[0].stripped
    archive.keep(seen(data, shown=views))
    await archive.flush()
    (use,) = await archive.uses("req_1")
    assert await archive.view(use) == views[0].content
    assert await kept.listed("derived") == [use.derived]
    assert blob_key(raw(data)) not in await kept.listed()


async def test_what_is_deleted_or_taken_out_is_brought_anew_by_the_next_chat(
    archive: Archive, kept: Kept
) -> None:
    for request in ("req_1", "req_2"):
        archive.keep(seen(PNG, request))
        await archive.flush()
        (use,) = await archive.uses(request)
        await archive.delete(use.artifact, "ann")
    archive.keep(seen(PNG, "req_3"))
    await archive.flush()
    (use,) = await archive.uses("req_3")
    await kept.blobs.delete(blob_key(raw(PNG)))
    with pytest.raises(BlobMissing):
        await archive.view(use)
    archive.keep(seen(PNG, "req_4"))
    await archive.flush()
    assert await archive.view(use) == PNG


async def test_a_chat_that_names_an_artifact_is_a_use_of_that_one(
    archive: Archive, kept: Kept
) -> None:
    made = await archive.add(PNG, "ann")
    archive.keep(seen(PNG, owner="bob", artifact=made.id, shown=shown(PNG)))
    gone = await archive.add(JPEG, "ann")
    await archive.delete(gone.id, "ann")
    archive.keep(seen(JPEG, "req_2", artifact=gone.id))
    await archive.flush()
    assert [use.artifact for use in await archive.uses("req_1")] == [made.id]
    assert await archive.uses("req_2") == []
    assert await kept.shelf.index.carried("bob", raw(PNG)) is None


async def test_an_upload_is_what_the_same_persons_chat_uses(archive: Archive) -> None:
    made = await archive.add(PNG, "ann")
    archive.keep(seen(PNG, owner="ann"))
    archive.keep(seen(PNG, "req_2", owner="bob"))
    await archive.flush()
    assert [use.artifact for use in await archive.uses("req_1")] == [made.id]
    assert [use.artifact for use in await archive.uses("req_2")] != [made.id]


async def test_a_source_is_only_asked_for_what_is_not_known(archive: Archive) -> None:
    asked = []

    async def source() -> bytes:
        asked.append(1)
        return PNG

    for number in range(3):
        archive.keep(seen(PNG, f"req_{number}", source=source, weight=1000))
    await archive.flush()
    assert len(asked) == 1
