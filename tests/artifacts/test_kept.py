import io
from dataclasses import replace

from PIL import Image

from portico.artifacts.images import open_picture, prepare
from portico.artifacts.kept import Kept
from portico.artifacts.pictures import Prepared
from portico.artifacts.profiles import PROFILES
from tests.artifacts import odd

GEMINI, QWEN = PROFILES["gemini"], PROFILES["qwen3-vl"]


def made(raw: str, size: int = 1000) -> list[Prepared]:
    (one,) = prepare(open_picture(odd.saved(Image.new("RGB", (9, 9)), "PNG")), GEMINI)
    return [replace(one, raw=raw, content=bytes(size))]


def test_what_was_made_for_one_profile_is_found_for_that_one() -> None:
    kept = Kept()
    kept.keep(b"a", GEMINI, made("a"))
    assert list(kept.find(b"a", GEMINI)) == made("a")
    assert not kept.find(b"a", QWEN)
    assert not kept.find(b"b", GEMINI)
    assert Image.open(io.BytesIO(odd.saved(odd.screen(), "PNG"))).size == (120, 80)


def test_what_was_not_asked_for_the_longest_goes_first() -> None:
    kept = Kept(room=10_500)
    kept.keep(b"a", GEMINI, made("a"))
    kept.keep(b"b", GEMINI, made("b"))
    assert kept.find(b"a", GEMINI)
    kept.keep(b"c", GEMINI, made("c"))
    assert kept.find(b"a", GEMINI)
    assert kept.find(b"c", GEMINI)
    assert not kept.find(b"b", GEMINI)
    assert kept.held == 10_000


def test_the_same_again_takes_no_more_room() -> None:
    kept = Kept()
    kept.keep(b"a", GEMINI, made("a"))
    kept.keep(b"a", GEMINI, made("a", 500))
    assert kept.held == 4500


def test_what_is_larger_than_the_room_and_what_is_nothing_are_not_kept() -> None:
    kept = Kept(room=4500)
    kept.keep(b"a", GEMINI, made("a"))
    kept.keep(b"a", GEMINI, [])
    assert kept.held == 0
    assert not kept.find(b"a", GEMINI)
