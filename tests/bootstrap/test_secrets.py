"""The folder of secrets."""

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from portico.access.base import KEY
from portico.bootstrap.base import Line, Order, State
from portico.bootstrap.secrets import MAKES, PROVIDERS, keep_secrets

pytestmark = pytest.mark.anyio


@pytest.fixture
def order(tmp_path: Path) -> Order:
    return Order(None, tmp_path / "home", {}, tmp_path / "secrets")


def of(order: Order, name: str) -> Path:
    assert order.secrets is not None
    return order.secrets / name


async def states(order: Order) -> dict[str, State]:
    return {line.what.split()[0]: line.state for line in await keep_secrets(order)}


async def line_of(order: Order, name: str) -> Line:
    return next(line for line in await keep_secrets(order) if line.what.split()[0] == name)


async def test_what_is_missing_is_made_once_for_owner_and_group(order: Order) -> None:
    first = await states(order)
    before = {name: of(order, name).read_bytes() for name in first}
    second = await states(order)

    assert set(first) == {*MAKES, *PROVIDERS}
    assert set(first.values()) == {State.DONE}
    assert set(second.values()) == {State.ALREADY}
    assert {name: of(order, name).read_bytes() for name in second} == before
    assert {stat.S_IMODE(of(order, name).stat().st_mode) for name in first} == {0o440}
    assert order.secrets is not None
    assert stat.S_IMODE(order.secrets.stat().st_mode) == 0o700


async def test_no_two_secrets_are_one_and_the_callers_keys_have_their_form(order: Order) -> None:
    await keep_secrets(order)
    texts = [of(order, name).read_text().strip() for name in MAKES]
    assert len(set(texts)) == len(MAKES)
    assert min(map(len, texts)) >= 32
    for name in ("admin_key", "webui_key"):
        assert KEY.fullmatch(of(order, name).read_text().strip().encode())


async def test_what_is_made_of_others_holds_them(order: Order) -> None:
    await keep_secrets(order)
    said = {name: of(order, name).read_text().strip() for name in MAKES}
    [who] = json.loads(said["objects_config"])["identities"]
    assert who["credentials"] == [
        {"accessKey": said["objects_key"], "secretKey": said["objects_secret"]}
    ]
    assert said["webui_env"].splitlines() == [
        f"OPENAI_API_KEYS={said['webui_key']}",
        f"RAG_OPENAI_API_KEY={said['webui_key']}",
        f"FORWARD_USER_INFO_HEADER_JWT_SECRET={said['webui_secret']}",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("\n", "is empty"),
        ("changeme", "is a default"),
        ("MinioAdmin-123456789", "is a default"),
        ("NoTaGrEaTpAsSwOrD!!", "is a default"),
        ("Tr0ub4dor&3", "has fewer than 16"),
    ],
)
async def test_what_everybody_knows_or_could_guess_is_refused_and_left_alone(
    order: Order, text: str, said: str
) -> None:
    await keep_secrets(order)
    file = of(order, "postgres_password")
    file.unlink()
    file.write_text(text)
    file.chmod(0o400)

    line = await line_of(order, "postgres_password")

    assert line.state is State.FAILED
    assert said in line.what
    assert not text.strip() or text.strip() not in line.what + line.mend
    assert file.read_text() == text


async def test_an_upstream_s_key_may_be_empty_but_not_a_default(order: Order) -> None:
    await keep_secrets(order)
    assert (await line_of(order, "gemini_key")).state is State.ALREADY
    of(order, "gemini_key").chmod(0o600)
    of(order, "gemini_key").write_text("changeme")
    assert (await line_of(order, "gemini_key")).state is State.FAILED


async def test_a_secret_that_everybody_may_read_is_refused(order: Order) -> None:
    await keep_secrets(order)
    of(order, "qdrant_key").chmod(0o444)
    line = await line_of(order, "qdrant_key")
    assert line.state is State.FAILED
    assert line.mend.startswith("chmod 440 ")


async def test_a_part_that_was_replaced_alone_is_noticed(order: Order) -> None:
    await keep_secrets(order)
    of(order, "objects_secret").unlink()
    assert (await line_of(order, "objects_config")).what.endswith("is not of this objects_secret")


async def test_a_check_makes_nothing(order: Order) -> None:
    assert set((await states(replace(order, check=True))).values()) == {State.FAILED}
    assert order.secrets is not None
    assert not order.secrets.exists()


async def test_without_a_folder_there_is_nothing_to_do(order: Order) -> None:
    [line] = await keep_secrets(replace(order, secrets=None))
    assert line.state is State.SKIPPED
