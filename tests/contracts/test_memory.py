"""What every memory promises. A further backend is one more line in BACKENDS."""

import math
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portico.errors import StoreUnavailable
from portico.memory.base import EVERYBODY, Gone, Memory, Point, Space, Spaces, ident
from portico.memory.local import open_local
from portico.memory.words import asked_of

pytestmark = pytest.mark.anyio

type Opener = Callable[..., AbstractAsyncContextManager[Memory]]

BACKENDS = ("local", "qdrant local mode", "qdrant wire", "qdrant")
VARIABLE = "PORTICO_TEST_QDRANT"
SPACES = {"text": Space(8, "a model"), "picture": Space(4, "layout 1")}
ELSE = {"text": Space(8, "another model"), "picture": Space(4, "layout 1")}


@pytest.fixture(params=BACKENDS)
async def opener(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens one and the same empty memory, again and again."""
    if request.param == "local":
        yield lambda spaces=SPACES: open_local(tmp_path / "memory", spaces)
        return
    from portico.memory.qdrant import Qdrant, open_qdrant
    from tests.memory.rest import local_client, serve_qdrant

    if request.param == "qdrant local mode":
        client = local_client()

        @asynccontextmanager
        async def opened(spaces: Spaces = SPACES) -> AsyncIterator[Memory]:
            yield Qdrant(client, spaces, "test")

        yield opened
        await client.close()
    elif request.param == "qdrant wire":
        async with serve_qdrant() as url:
            yield lambda spaces=SPACES: open_qdrant(f"{url}?prefix=test", spaces)
    elif given := os.environ.get(VARIABLE):
        mine = f"{given}{'&' if '?' in given else '?'}prefix=test{uuid4().hex}"
        yield lambda spaces=SPACES: open_qdrant(mine, spaces)
        async with open_qdrant(mine, SPACES) as left:
            await left.clear()
    else:
        pytest.skip(
            "A QDRANT SERVER IS NOT TESTED: none can be had here. Run: "
            "docker run -d -p 6333:6333 qdrant/qdrant && "
            f"{VARIABLE}=http://127.0.0.1:6333 python -m pytest tests/contracts/test_memory.py"
        )


@pytest.fixture
async def memory(opener: Opener) -> AsyncIterator[Memory]:
    async with opener() as opened:
        yield opened


def unit(seed: object, size: int) -> list[float]:
    source = random.Random(str(seed))
    numbers = [source.gauss(0, 1) for _ in range(size)]
    length = math.sqrt(sum(one * one for one in numbers))
    return [one / length for one in numbers]


def point(name: str, text: str = "", *readers: str, **more: object) -> Point:
    """Return what is known of the artifact *name*; of nobody in particular without *readers*."""
    fields: dict[str, object] = {
        "id": ident(name, "req_1"),
        "artifact": name,
        "chat": "req_1",
        "at": 1000.0,
        "readers": frozenset(readers or (EVERYBODY,)),
        "text": text,
        "looks": "00ff",
        "vectors": {"text": unit(name, 8), "picture": unit(f"{name} picture", 4)},
    }
    return Point(**{**fields, **more})  # type: ignore[arg-type]  # a test's fields


async def near(memory: Memory, name: str, reader: str | None = None) -> list[str]:
    found = await memory.near("text", unit(name, 8), reader, 10)
    return [hit.artifact for hit in found]


async def worded(memory: Memory, text: str, reader: str | None = None) -> list[str]:
    return [hit.artifact for hit in await memory.worded(asked_of(text), reader, 10)]


async def test_an_empty_memory_finds_nothing(memory: Memory) -> None:
    assert await near(memory, "a") == []
    assert await worded(memory, "red") == []
    assert await memory.count() == 0
    assert await memory.others() == []
    await memory.forget(["art_x"])
    await memory.share("art_x", "kim", seen=True)


async def test_the_nearest_comes_first_with_its_likeness(memory: Memory) -> None:
    await memory.put([point(f"art_{number}") for number in range(50)])
    found = await memory.near("text", unit("art_7", 8), None, 5)
    assert found[0].artifact == "art_7"
    assert found[0].likeness == pytest.approx(1, abs=1e-4)
    assert (found[0].chat, found[0].at, found[0].looks) == ("req_1", 1000.0, "00ff")
    assert found[0].id == ident("art_7", "req_1")
    assert len(found) == 5
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)
    exact = sorted(
        (f"art_{n}" for n in range(50)),
        key=lambda name: -sum(a * b for a, b in zip(unit(name, 8), unit("art_7", 8), strict=True)),
    )
    assert [hit.artifact for hit in found] == exact[:5]


async def test_pictures_are_another_space(memory: Memory) -> None:
    await memory.put([point(f"art_{number}") for number in range(20)])
    found = await memory.near("picture", unit("art_3 picture", 4), None, 1)
    assert [hit.artifact for hit in found] == ["art_3"]


async def test_a_point_without_a_vector_is_found_by_its_words_alone(memory: Memory) -> None:
    await memory.put([point("art_a", "a lone word", vectors={}), point("art_b", "two")])
    assert await worded(memory, "lone") == ["art_a"]
    assert await near(memory, "art_a") == ["art_b"]


async def test_words_are_found_with_which_they_were(memory: Memory) -> None:
    said = ["a red Button, saved", "a blue button", "docker logs", "Кнопка «Сохранить»", "登录按钮"]
    await memory.put([point(f"art_{at}", text) for at, text in enumerate(said)])
    found = await memory.worded(asked_of("RED button please"), None, 10)
    assert [(hit.artifact, hit.words) for hit in found] == [
        ("art_0", ("red", "button")),
        ("art_1", ("button",)),
    ]
    assert await worded(memory, "сохранить") == ["art_3"]
    assert await worded(memory, "按钮") == ["art_4"]
    assert await worded(memory, "nothing of it") == []


async def test_a_rare_word_says_more_than_a_usual_one(memory: Memory) -> None:
    await memory.put([point(f"art_{at}", "button with a label") for at in range(20)])
    await memory.put([point("art_rare", "button carousel")])
    assert (await worded(memory, "label carousel"))[0] == "art_rare"


@pytest.mark.parametrize(
    "text",
    ['" OR 1=1 --', "NEAR(a b)", "said:x", "a*", "(", "'); DROP TABLE points;--", "\x00", "-red"],
)
async def test_what_looks_like_a_query_language_is_words(memory: Memory, text: str) -> None:
    await memory.put([point("art_a", "red")])
    assert set(await worded(memory, text)) <= {"art_a"}
    assert {hit.artifact for hit in await memory.worded([text], None, 10)} <= {"art_a"}
    assert await memory.count() == 1


async def test_only_readers_see(memory: Memory) -> None:
    await memory.put(
        [point("art_kim", "red", "kim"), point("art_lee", "red", "lee"), point("art_all", "red")]
    )
    assert sorted(await worded(memory, "red", "kim")) == ["art_all", "art_kim"]
    assert sorted(await near(memory, "x", "lee")) == ["art_all", "art_lee"]
    assert await worded(memory, "red") == ["art_all"]
    await memory.share("art_kim", "lee", seen=True)
    assert sorted(await near(memory, "x", "lee")) == ["art_all", "art_kim", "art_lee"]
    await memory.share("art_kim", "lee", seen=False)
    assert sorted(await worded(memory, "red", "lee")) == ["art_all", "art_lee"]


async def test_what_is_put_again_takes_the_place_of_what_was(memory: Memory) -> None:
    await memory.put([point("art_a", "red", "kim")])
    await memory.put([point("art_a", "blue", "lee", vectors={"text": unit("other", 8)})])
    assert await memory.count() == 1
    assert await worded(memory, "red", "lee") == []
    assert await worded(memory, "blue", "lee") == ["art_a"]
    assert await worded(memory, "blue", "kim") == []
    (hit,) = await memory.near("text", unit("other", 8), "lee", 3)
    assert hit.likeness == pytest.approx(1, abs=1e-4)
    assert await memory.near("picture", unit("art_a picture", 4), "lee", 3) == []


async def test_what_is_forgotten_is_gone_from_every_search(memory: Memory) -> None:
    await memory.put([point("art_a", "red"), point("art_b", "red")])
    await memory.put([point("art_a", "red", id=ident("art_a", "req_2"), chat="req_2")])
    await memory.forget(["art_a"])
    assert await memory.count() == 1
    assert await worded(memory, "red") == ["art_b"]
    assert await near(memory, "art_a") == ["art_b"]


def gone() -> Gone:
    return Gone(
        frozenset({"art_a"}), frozenset({ident("art_b", "req_2")}), frozenset({("art_b", "ann")})
    )


async def test_what_is_erased_is_gone_and_what_others_said_of_the_same_screen_stays(
    memory: Memory,
) -> None:
    assert await memory.erase(gone()) == 0
    both = frozenset({"ann", "bert"})
    await memory.put(
        [
            point("art_a", "red", "ann"),
            point("art_b", "red", readers=both),
            point("art_b", "blue", id=ident("art_b", "req_2"), chat="req_2", readers=both),
        ]
    )
    assert await memory.erase(gone(), dry_run=True) == 2
    assert await memory.count() == 3
    assert await memory.erase(gone()) == 2
    assert await memory.erase(gone()) == 0
    assert await memory.count() == 1
    assert await worded(memory, "red", "bert") == ["art_b"]
    assert await worded(memory, "blue", "bert") == []
    assert await worded(memory, "red", "ann") == []


async def test_what_is_erased_is_gone_from_the_memory_of_another_model(opener: Opener) -> None:
    async with opener() as first:
        await first.put([point("art_a", "red")])
    async with opener(ELSE) as second:
        assert await second.erase(Gone(frozenset({"art_z"}))) == 0
        assert await second.erase(gone(), dry_run=True) == 1
        assert await second.erase(gone()) == 1
    async with opener() as again:
        assert await again.count() == 0


async def test_erased_words_are_in_no_file(tmp_path: Path) -> None:
    async with open_local(tmp_path, SPACES) as memory, open_local(tmp_path, SPACES) as other:
        await memory.put([point("art_a", "zanzibar"), point("art_b", "madagascar")])
        assert await other.count() == 2
        await memory.erase(gone())
        left = everything_in(tmp_path)
    assert b"zanzibar" not in left
    assert b"art_a" not in left
    assert b"madagascar" in left


def everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_what_was_put_outlives_closing(opener: Opener) -> None:
    async with opener() as first:
        await first.put([point("art_a", "red")])
    async with opener() as second:
        assert await near(second, "art_a") == ["art_a"]
        assert await worded(second, "red") == ["art_a"]


async def test_another_model_s_vectors_are_another_memory(opener: Opener) -> None:
    async with opener() as first:
        await first.put([point("art_a", "red")])
    async with opener(ELSE) as second:
        assert await second.count() == 0
        assert await near(second, "art_a") == []
        assert len(await second.others()) == 1
        await second.put([point("art_b", "red")])
        assert len(await second.others()) == 1
        await second.clear()
        assert await second.others() == []
    async with opener() as again:
        assert await again.count() == 0


@given(words=st.lists(st.text(max_size=8), max_size=6))
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
async def test_any_words_are_looked_for_without_harm(memory: Memory, words: list[str]) -> None:
    for hit in await memory.worded(words, None, 5):
        assert hit.words


async def test_a_memory_that_is_away_says_so_and_not_that_nothing_matched() -> None:
    from portico.memory.qdrant import open_qdrant

    async with open_qdrant("http://127.0.0.1:1", SPACES) as away:
        for asked in (
            away.near("text", unit("a", 8), None, 5),
            away.worded(["red"], None, 5),
            away.count(),
            away.put([point("art_a")]),
            away.others(),
        ):
            with pytest.raises(StoreUnavailable):
                await asked


def spoil(folder: Path) -> None:
    (file,) = folder.glob("*.db")
    for path in folder.glob("designs-*.db*"):
        path.unlink()
    file.write_bytes(b"no database " * 1000)


def vectors(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.glob("*.f32")]


async def test_a_file_that_is_no_database_is_a_memory_that_is_away(tmp_path: Path) -> None:
    async with open_local(tmp_path, SPACES) as memory:
        await memory.put([point("art_a", "red")])
    spoil(tmp_path)
    async with open_local(tmp_path, SPACES) as memory:
        with pytest.raises(StoreUnavailable):
            await memory.worded(["red"], None, 5)


async def test_a_deleted_vector_is_overwritten(tmp_path: Path) -> None:
    async with open_local(tmp_path, SPACES) as memory:
        await memory.put([point("art_a", "red")])
        assert any(map(any, vectors(tmp_path)))
        await memory.forget(["art_a"])
    assert len(vectors(tmp_path)) == 2
    assert not any(map(any, vectors(tmp_path)))
