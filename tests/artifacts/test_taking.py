import asyncio
import hashlib
import threading
from array import array
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest
from PIL import Image

from portico.artifacts.pictures import Likeness, Limits, PictureRefused
from portico.artifacts.profiles import PROFILES
from portico.artifacts.taking import QUICK, Intake, is_large
from portico.errors import NotFound, Overloaded
from tests.artifacts import odd

pytestmark = pytest.mark.anyio

GEMINI = PROFILES["gemini"]
SCREEN = odd.saved(odd.screen(), "PNG")
NOISE = odd.saved(odd.page(800, 600), "BMP")


def link(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{b64encode(data).decode()}"


@pytest.fixture
async def intake() -> AsyncIterator[Intake]:
    opened = Intake(None, None)
    yield opened
    opened.close()


async def refused(asked: Awaitable[object]) -> str:
    with pytest.raises(PictureRefused) as told:
        await asked
    return str(told.value)


@pytest.mark.parametrize("data", [SCREEN, NOISE], ids=["small", "large"])
async def test_a_data_uri_gives_its_bytes(intake: Intake, data: bytes) -> None:
    assert await intake.bytes_of(link(data), None) == data
    assert await intake.decoded(memoryview(b64encode(data))) == data


def test_the_large_one_is_one() -> None:
    assert len(SCREEN) < QUICK < len(NOISE)


@pytest.mark.parametrize(
    "spoilt",
    [
        link(SCREEN)[:-2],
        link(SCREEN)[:100] + " " + link(SCREEN)[100:],
        link(SCREEN)[:100] + "\n" + link(SCREEN)[100:],
        link(SCREEN)[:100] + "é" + link(SCREEN)[100:],
        link(SCREEN)[:100] + "_" + link(SCREEN)[101:],
    ],
    ids=["cut", "blank", "newline", "not ASCII", "of the other alphabet"],
)
async def test_base64_is_taken_strictly(intake: Intake, spoilt: str) -> None:
    assert "not base64" in await refused(intake.bytes_of(spoilt, None))


@pytest.mark.parametrize("data", [SCREEN, NOISE], ids=["small", "large"])
async def test_what_is_too_large_is_refused_before_it_is_decoded(data: bytes) -> None:
    intake = Intake(None, None, limits=Limits(bytes=len(data) - 10))
    assert "is over" in await refused(intake.bytes_of(link(data), None))
    intake.close()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "A picture is a data: URI, an http(s) URL or an artifact's id."),
        ("ftp://example.com/a.png", "A picture is a data: URI"),
        ("art_", "A picture is a data: URI"),
        ("data:image/png,abc", "The data: URI is not base64."),
        (link(b"plain text"), "This is not a picture of a kind we know."),
        ("https://example.com/a.png", "This gateway fetches no pictures."),
        ("https://example.com/" + "a" * 9000, "The address is over 8192 characters."),
        ("art_abc", "This gateway keeps no pictures."),
    ],
)
async def test_every_refusal_is_a_sentence(intake: Intake, given: str, said: str) -> None:
    assert (await refused(intake.bytes_of(given, None))).startswith(said)


@pytest.mark.parametrize(
    "given",
    [
        "art_abc234",
        "artifact:art_abc234",
        "/v1/artifacts/art_abc234",
        "https://lab.example/portico/v1/artifacts/art_abc234",
    ],
)
async def test_an_artifact_is_recalled_for_its_caller(given: str) -> None:
    async def recall(ident: str, caller: str | None) -> bytes:
        return f"{ident} for {caller}".encode()

    intake = Intake(None, recall)
    assert await intake.bytes_of(given, "ann") == b"art_abc234 for ann"
    intake.close()


async def test_an_address_is_fetched_and_an_artifacts_is_not() -> None:
    fetched: list[str] = []

    async def fetch(url: str) -> bytes:
        fetched.append(url)
        return SCREEN

    async def recall(ident: str, caller: str | None) -> bytes:
        raise NotFound("There is no such artifact.")

    intake = Intake(fetch, recall)
    elsewhere = "https://example.com/x?at=/v1/artifacts/art_abc"
    assert await intake.bytes_of(elsewhere, None) == SCREEN
    with pytest.raises(NotFound):
        await intake.bytes_of("https://example.com/v1/artifacts/art_abc", None)
    assert fetched == [elsewhere]
    intake.close()


async def test_a_picture_is_opened_and_prepared(intake: Intake) -> None:
    opened = await intake.opened(SCREEN)
    (made,) = await intake.prepared(SCREEN, GEMINI)
    assert opened.raw == made.raw == hashlib.sha256(SCREEN).hexdigest()
    assert made.original == (120, 80)


async def test_a_damaged_picture_is_refused_by_both(intake: Intake) -> None:
    cut = SCREEN[: len(SCREEN) // 2]
    assert "damaged" in await refused(intake.opened(cut))
    assert "damaged" in await refused(intake.prepared(cut, GEMINI))
    assert "kind we know" in await refused(intake.opened(b"plain text"))


async def test_what_was_prepared_is_kept(intake: Intake) -> None:
    first = await intake.prepared(NOISE, GEMINI)
    assert await intake.prepared(NOISE, GEMINI) is first
    assert await intake.prepared(NOISE, replace(GEMINI, count=9)) is not first


async def test_what_is_asked_for_twice_at_once_is_made_once(intake: Intake) -> None:
    asked = [intake.prepared(NOISE, GEMINI) for _ in range(5)]
    first, *others = await asyncio.gather(*asked)
    assert all(other is first for other in others)


async def test_each_who_waits_gets_a_refusal_of_their_own(intake: Intake) -> None:
    cut = NOISE[:1000]
    asked = [intake.prepared(cut, GEMINI) for _ in range(2)]
    first, second = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(first, PictureRefused)
    assert isinstance(second, PictureRefused)
    first.param = "messages[0]"
    assert second.param is None


async def test_who_leaves_does_not_take_the_picture_from_others(intake: Intake) -> None:
    leaving = asyncio.create_task(intake.prepared(NOISE, GEMINI))
    staying = asyncio.create_task(intake.prepared(NOISE, GEMINI))
    for _ in range(20):
        await asyncio.sleep(0)  # both have hashed it by now, in a thread, or wait for that
    leaving.cancel()
    assert len(await staying) == 1
    with pytest.raises(asyncio.CancelledError):
        await leaving


def counted() -> tuple[Callable[[], None], list[int]]:
    """Work that waits for a second piece of itself, for a while; and how many ran at once."""
    together, most = threading.Semaphore(0), [0, 0]
    lock = threading.Lock()

    def call() -> None:
        with lock:
            most[0] += 1
            most[1] = max(most)
        together.acquire(timeout=0.05)
        with lock:
            most[0] -= 1

    return call, most


async def test_no_more_hands_work_than_there_are_and_large_things_one_by_one() -> None:
    intake = Intake(None, None, hands=2)
    call, most = counted()
    await asyncio.gather(*(intake.work(call) for _ in range(6)))
    assert most == [0, 2]
    call, most = counted()
    await asyncio.gather(*(intake.work(call, alone=True) for _ in range(3)))
    assert most == [0, 1]
    intake.close()


async def test_heavy_work_is_not_done_on_the_loop(intake: Intake) -> None:
    assert await intake.work(threading.current_thread) is not threading.current_thread()
    assert await intake.work(threading.current_thread, alone=True) is not threading.main_thread()


def test_what_is_large_is_known_by_its_header() -> None:
    assert not is_large(SCREEN)
    assert is_large(odd.saved(odd.screen(4100, 3000), "PNG"))
    assert is_large(odd.heic(odd.screen()))
    assert is_large(b"%PDF-1.7")
    assert not is_large(b"plain text")
    assert is_large(odd.film(3, "GIF", (3000, 1500)))
    assert not is_large(odd.film(3, "GIF"))


async def test_closing_ends_what_has_not_begun() -> None:
    intake = Intake(None, None, hands=1)
    waiting = [asyncio.create_task(intake.prepared(picture, GEMINI)) for picture in (NOISE, SCREEN)]
    await asyncio.sleep(0)
    intake.close()
    for one in waiting:
        with pytest.raises((Overloaded, asyncio.CancelledError)):
            await one
    with pytest.raises(Overloaded):
        await intake.opened(SCREEN)


async def test_work_that_nobody_began_is_given_up_when_it_closes() -> None:
    intake = Intake(None, None, hands=1)
    begun, held = threading.Event(), threading.Event()
    busy = asyncio.create_task(intake.work(lambda: (begun.set(), held.wait(5))[1]))
    waiting = asyncio.create_task(intake.prepared(SCREEN, GEMINI))
    await asyncio.to_thread(begun.wait, 5)
    intake.close()
    with pytest.raises(Overloaded):
        await waiting
    held.set()
    assert await busy, "what had begun goes on"


async def test_a_picture_is_described_while_it_is_open() -> None:
    seen: list[tuple[int, int]] = []

    def describe(image: Image.Image) -> Likeness:
        seen.append(image.size)
        return Likeness(array("f", [1.0]), "00")

    intake = Intake(None, None, describe=describe)
    try:
        for _ in range(2):
            made = await intake.prepared(odd.saved(odd.page(640, 480), "PNG"), GEMINI)
            assert made[0].likeness is not None
            assert made[0].likeness.looks == "00"
    finally:
        intake.close()
    assert seen == [(640, 480)]
