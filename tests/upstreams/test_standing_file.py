import asyncio
import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.routing.attempts import Failed, Failure, Kind, Limit, Metric, Window
from portico.routing.tiers import Target
from portico.routing.verdicts import Rest
from portico.upstreams.faults_limits import LOS_ANGELES
from portico.upstreams.quotas import KeptQuota
from portico.upstreams.records import KeptRest
from portico.upstreams.standing import Standing
from portico.upstreams.standing_file import Entry, StandingFile, merged, standing_kept

pytestmark = pytest.mark.anyio

NOW = 1_795_348_800.0
ONE = Target("one", "lab", "m-1")
TWO = Target("two", "other", "m-2")
BOTH = (ONE, TWO)
MARKS = {"lab": "a1", "other": "b2"}
PER_DAY = Limit(Metric.REQUESTS, Window.DAY, 20, zone=LOS_ANGELES)
SPENT = Failure(Kind.QUOTA_SPENT, "spent", until=NOW + 9000, limit=PER_DAY)


def file(
    path: Path, standing: Standing, marks: Mapping[str, str] = MARKS, now: float = NOW
) -> StandingFile:
    hand = StandingFile(path / "standing.json", standing, lambda: marks)
    hand.take_up(hand.read(), now)
    return hand


def spends(standing: Standing, who: Target = ONE, now: float = NOW) -> None:
    begun = standing.quotas.begin(who, 10, now)
    standing.blame(who, SPENT, now, begun)
    standing.quotas.end(who, begun, Failed(SPENT))


def written(path: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((path / "standing.json").read_text())["entries"]
    return found


def modes(path: Path) -> dict[str, int]:
    return {one.name: one.stat().st_mode & 0o777 for one in path.iterdir()}


async def test_a_spent_day_stays_spent_over_a_restart(tmp_path: Path) -> None:
    before = Standing()
    spends(before)
    await file(tmp_path, before).save(NOW)
    after = Standing()
    file(tmp_path, after, now=NOW + 60)
    assert after.view(BOTH, NOW + 60) == before.view(BOTH, NOW + 60)
    assert set(after.view(BOTH, NOW + 60)) == {"one"}
    assert after.quotas.keep(NOW + 60) == before.quotas.keep(NOW + 60)


async def test_what_is_over_when_it_is_read_is_forgotten(tmp_path: Path) -> None:
    standing = Standing()
    spends(standing)
    await file(tmp_path, standing).save(NOW)
    late = Standing()
    file(tmp_path, late, now=NOW + 86_401)
    assert late.view(BOTH, NOW) == {}
    assert not late.quotas.taught


@pytest.mark.parametrize("marks", [{"lab": "another", "other": "b2"}, {"other": "b2"}])
async def test_with_another_key_what_was_learned_with_the_old_one_is_void(
    tmp_path: Path, marks: dict[str, str]
) -> None:
    standing = Standing()
    spends(standing)
    standing.blame(ONE, Failure(Kind.ACCOUNT, "401"), NOW)
    standing.blame(TWO, Failure(Kind.ACCOUNT, "401"), NOW)
    await file(tmp_path, standing).save(NOW)
    after = Standing()
    file(tmp_path, after, marks)
    assert set(after.view(BOTH, NOW)) == {"two"}
    assert not after.quotas.taught


async def test_nothing_is_written_where_there_is_nothing_to_keep(tmp_path: Path) -> None:
    hand = file(tmp_path, Standing())
    await hand.save(NOW, every_count=True)
    assert modes(tmp_path) == {}


async def test_the_file_is_the_owners_and_nothing_else_is_left(tmp_path: Path) -> None:
    standing = Standing()
    spends(standing)
    await file(tmp_path / "home", standing).save(NOW)
    assert modes(tmp_path / "home") == {"standing.json": 0o600, "standing.lock": 0o600}


async def test_what_has_not_changed_is_not_written_again(tmp_path: Path) -> None:
    standing = Standing()
    spends(standing)
    hand = file(tmp_path, standing)
    await hand.save(NOW)
    (tmp_path / "standing.json").unlink()
    await hand.save(NOW + 60)
    assert not (tmp_path / "standing.json").exists()
    standing.blame(TWO, Failure(Kind.ACCOUNT), NOW + 61)
    await hand.save(NOW + 61)
    assert set(written(tmp_path)) == {"target one", "upstream other", "spent lab m-1"}


async def test_mere_counts_are_written_now_and_then_and_at_the_end(tmp_path: Path) -> None:
    standing = Standing()
    spends(standing)
    hand = file(tmp_path, standing)
    await hand.save(NOW)
    first = written(tmp_path)
    standing.quotas.begin(ONE, 10, NOW)
    await hand.save(NOW + 29)
    assert written(tmp_path) == first
    await hand.save(NOW + 30)
    second = written(tmp_path)
    assert second != first
    standing.quotas.begin(ONE, 10, NOW + 31)
    await hand.save(NOW + 32, every_count=True)
    assert written(tmp_path) != second


async def test_what_is_lifted_leaves_the_file(tmp_path: Path) -> None:
    standing = Standing()
    standing.blame(ONE, Failure(Kind.ACCOUNT), NOW)
    hand = file(tmp_path, standing)
    await hand.save(NOW)
    standing.clear("lab")
    await hand.save(NOW + 1)
    assert written(tmp_path) == {}


async def test_several_processes_keep_what_each_of_them_learned(tmp_path: Path) -> None:
    mine, theirs = Standing(), Standing()
    one, other = file(tmp_path, mine), file(tmp_path, theirs)
    mine.blame(ONE, Failure(Kind.ACCOUNT, "mine"), NOW)
    theirs.blame(TWO, Failure(Kind.ACCOUNT, "theirs"), NOW)
    await asyncio.gather(one.save(NOW), other.save(NOW))
    assert set(written(tmp_path)) == {"upstream lab", "upstream other"}
    mine.clear("lab")
    await one.save(NOW + 1)
    assert set(written(tmp_path)) == {"upstream other"}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"entries": 3}', '{"entries": {"x": {"at": "y"}}}', "\x00\xff"]
)
async def test_a_damaged_file_is_put_aside_and_costs_nothing(
    text: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "standing.json").write_bytes(text.encode("latin-1"))
    standing = Standing()
    with caplog.at_level(logging.WARNING):
        hand = file(tmp_path, standing)
    assert (tmp_path / "standing.unreadable").read_bytes() == text.encode("latin-1")
    assert "standing.json is damaged" in caplog.text
    spends(standing)
    await hand.save(NOW)
    assert "target one" in written(tmp_path)


async def test_a_file_that_cannot_be_read_or_written_is_logged_and_costs_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "standing.json").mkdir()
    standing = Standing()
    hand = file(tmp_path, standing)
    spends(standing)
    await hand.save(NOW)
    assert "cannot be read" in caplog.text
    assert "cannot be written" in caplog.text
    (tmp_path / "standing.json").rmdir()
    await hand.save(NOW + 1)
    assert "target one" in written(tmp_path), "tried again"


async def test_while_it_is_open_changes_are_written_and_at_the_end_all_of_it(
    tmp_path: Path,
) -> None:
    path, standing = tmp_path / "standing.json", Standing()
    async with standing_kept(standing, path, lambda: MARKS):
        standing.blame(ONE, Failure(Kind.ACCOUNT, "401"), time.time())
        async with asyncio.timeout(30):
            while not path.exists():  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.05)
        standing.blame(TWO, Failure(Kind.ACCOUNT, "401"), time.time())
    assert set(written(tmp_path)) == {"upstream lab", "upstream other"}
    again = Standing()
    async with standing_kept(again, path, lambda: MARKS):
        assert set(again.view(BOTH, time.time())) == {"one", "two"}


# -- merging

WHENS = st.integers(0, 9).map(float)


def rest(until: float | None, detail: str = "") -> KeptRest:
    return KeptRest("lab", Rest.RESET, "quota_spent", detail, 0.0, until, 30.0, 0.0)


ENTRIES = st.dictionaries(
    st.sampled_from("abc"),
    st.builds(
        Entry,
        WHENS,
        st.just({"lab": "a1"}),
        st.builds(rest, st.none() | WHENS, st.sampled_from("xyz")),
    ),
)


@given(ENTRIES, ENTRIES, st.dictionaries(st.sampled_from("abc"), WHENS), WHENS)
def test_of_every_entry_the_later_one_is_kept(
    theirs: dict[str, Entry], mine: dict[str, Entry], dropped: dict[str, float], now: float
) -> None:
    dropped = {about: at for about, at in dropped.items() if about not in mine}
    found = merged(theirs, mine, dropped, now)
    for about in "abc":
        other, own = theirs.get(about), mine.get(about)
        until = None if other is None or isinstance(other.what, KeptQuota) else other.what.until
        alive = other is not None and (until is None or now < until)
        if about in dropped:
            assert (about in found) == (alive and other is not None and other.at > dropped[about])
        elif own is not None:
            later = other is not None and alive and other.at > own.at
            assert found[about] == (other if later else own)
        else:
            assert found.get(about) == (other if alive else None)


def quota(at: float, day: dict[int, tuple[int, int]], mark: str = "a1") -> Entry:
    standing = Standing()
    spends(standing)
    [kept] = standing.quotas.keep(NOW).values()
    changed = KeptQuota(kept.project, kept.model, kept.names, kept.lessons, day)
    return Entry(at, {"lab": mark}, changed)


def counts(entry: Entry) -> dict[int, tuple[int, int]]:
    assert isinstance(entry.what, KeptQuota)
    return entry.what.day


def test_counts_are_kept_at_their_highest() -> None:
    old, new = quota(1.0, {1: (5, 50), 2: (1, 10)}), quota(2.0, {2: (3, 5), 3: (1, 1)})
    for theirs, mine in ((old, new), (new, old)):
        found = merged({"q": theirs}, {"q": mine}, {}, NOW)["q"]
        assert counts(found) == {1: (5, 50), 2: (3, 10), 3: (1, 1)}
        assert found.at == 2.0


def test_counts_of_another_key_are_not_added() -> None:
    old, new = quota(1.0, {1: (5, 50)}, "other-key"), quota(2.0, {2: (3, 5)})
    assert merged({"q": old}, {"q": new}, {}, NOW)["q"] == new


def test_lessons_that_nobody_believes_any_more_leave_the_file() -> None:
    old = quota(1.0, {1: (5, 50)})
    assert merged({"q": old}, {}, {}, NOW + 86_399) == {"q": old}
    assert merged({"q": old}, {}, {}, NOW + 86_400) == {}
    assert merged({"q": rest_entry()}, {"q": quota(1.0, {})}, {}, NOW)["q"].at == 2.0


def rest_entry() -> Entry:
    return Entry(2.0, {"lab": "a1"}, rest(None))
