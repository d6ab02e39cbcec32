"""Issuing, finding and revoking keys."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.access.base import KEY, Key
from portico.access.keyring import pick
from portico.errors import MalformedRequest, NotFound, StoreUnavailable

from .keys import key, keyring

ANNA, BERT = key("anna", id="key_a1"), key("bert", id="key_b1")


def written(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.iterdir())


@pytest.mark.anyio
async def test_a_key_is_told_once_and_only_its_digest_is_kept(tmp_path: Path) -> None:
    ring = keyring(tmp_path)
    made = await ring.issue("  anna's laptop ")
    assert KEY.fullmatch(made.text.encode())
    assert made.key.name == "anna's laptop"
    assert made.text.endswith(made.key.last4)
    assert made.key.id.startswith("key_")
    roster = await ring.roster()
    assert roster.find(made.text.encode()) == made.key
    assert made.text[3:].encode() not in written(tmp_path)


@pytest.mark.anyio
async def test_two_keys_never_meet(tmp_path: Path) -> None:
    ring = keyring(tmp_path)
    made = [await ring.issue("anna") for _ in range(5)]
    assert len({one.text for one in made}) == len({one.key.id for one in made}) == 5
    assert list(await ring.list()) == [one.key for one in made]


@pytest.mark.anyio
async def test_a_lifetime_counts_from_now(tmp_path: Path) -> None:
    before = time.time()
    made = await keyring(tmp_path).issue("anna", 60.0)
    assert made.key.expires == made.key.created + 60
    assert before <= made.key.created <= time.time()


@pytest.mark.anyio
async def test_a_revoked_key_is_still_known_for_what_it_was(tmp_path: Path) -> None:
    ring = keyring(tmp_path)
    made = await ring.issue("anna")
    assert await ring.revoke("anna") == made.key
    found = (await ring.roster()).find(made.text.encode())
    assert found
    assert found.state(time.time()) == "revoked"
    again = await ring.revoke(made.key.id)
    assert again.revoked == found.revoked


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["", "  ", "a" * 65, "a\nb", "\x1b[31m", "pk-abc", "key_1"])
async def test_a_name_must_be_fit_to_be_shown(tmp_path: Path, name: str) -> None:
    with pytest.raises(MalformedRequest, match="name"):
        await keyring(tmp_path).issue(name)
    assert not written(tmp_path)


@pytest.mark.anyio
@pytest.mark.parametrize("lost", [True, False])
async def test_good_keys_are_never_called_unknown_because_the_secret_is_not_theirs(
    tmp_path: Path, lost: bool
) -> None:
    ring = keyring(tmp_path)
    made = await ring.issue("anna")
    secret = tmp_path / "secret"
    own = secret.read_text()
    secret.unlink()
    if not lost:
        secret.write_text("0" * 64)
    for use in (ring.roster, lambda: ring.issue("bert")):
        with pytest.raises(StoreUnavailable, match="is missing" if lost else "is another one"):
            await use()
    assert secret.exists() is not lost  # nothing was made in its place
    secret.write_text(own)
    assert (await ring.roster()).find(made.text.encode())


@pytest.mark.anyio
async def test_without_their_secret_keys_can_be_revoked_and_made_anew(tmp_path: Path) -> None:
    ring = keyring(tmp_path)
    old = await ring.issue("anna")
    (tmp_path / "secret").unlink()
    await ring.revoke("anna")
    assert not (await ring.roster()).lives(time.time())
    new = await ring.issue("anna")
    roster = await ring.roster()
    assert roster.find(new.text.encode()) == new.key
    assert roster.find(old.text.encode()) is None


@pytest.mark.parametrize("which", ["key_a1", "anna", "an", "key_a"])
def test_a_key_is_named_by_id_or_name_or_how_they_begin(which: str) -> None:
    assert pick([ANNA, BERT], which) is ANNA


def test_what_is_exact_comes_before_what_merely_begins_so() -> None:
    longer = key("annabel")
    assert pick([longer, ANNA], "anna") is ANNA
    assert pick([longer, ANNA], "annab") is longer


def test_several_are_told_apart_by_their_ids() -> None:
    twin = key("anna", id="key_a2")
    with pytest.raises(MalformedRequest, match=r"key_a1 \(anna\), key_a2 \(anna\)"):
        pick([ANNA, twin, BERT], "anna")
    with pytest.raises(MalformedRequest, match="Several"):
        pick([ANNA, BERT], "key_")


def test_a_revoked_key_answers_to_its_id_alone() -> None:
    old = key("anna", id="key_a0", revoked=1.0)
    assert pick([old, ANNA], "anna") is ANNA
    assert pick([old, ANNA], "key_a0") is old
    with pytest.raises(NotFound):
        pick([old], "anna")


@pytest.mark.parametrize("which", ["", "zoe", "ANNA", "ann%"])
def test_nobody_is_nobody(which: str) -> None:
    with pytest.raises(NotFound):
        pick([ANNA], which)


def test_a_key_itself_is_not_repeated() -> None:
    with pytest.raises(MalformedRequest) as caught:
        pick([ANNA], "pk-canary")
    assert "canary" not in str(caught.value)


names = st.text("ab", min_size=1, max_size=3)
some_keys = st.lists(st.builds(key, names, revoked=st.none() | st.just(1.0)))


@given(some_keys, names)
def test_what_is_picked_is_meant_and_the_only_one(keys: list[Key], which: str) -> None:
    usable = [key for key in keys if key.revoked is None]
    exact = [key for key in usable if key.name == which]
    meant = exact or [key for key in usable if key.name.startswith(which)]
    try:
        found = pick(keys, which)
    except NotFound:
        assert not meant
    except MalformedRequest:
        assert len(meant) > 1
    else:
        assert meant == [found]
