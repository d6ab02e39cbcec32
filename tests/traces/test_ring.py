"""The ring takes no more room than it may: old stories go first, then old cards, and it is said."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portico.stores.whom import Whom
from portico.traces.base import Trace
from portico.traces.ring import BARE, Ring
from tests.traces.made import trace


def big() -> Trace:
    return trace({"text": "x" * 10_000})


def waiting(ring: Ring) -> list[Trace]:
    return [one for batch in ring.batches() for one in ring.read(batch)]


def test_what_was_written_is_read_in_order_and_gone_once_removed(tmp_path: Path) -> None:
    ring, traces = Ring(tmp_path / "ring"), [trace({"n": n}) for n in range(6)]
    for start in (0, 2, 4):
        ring.write(traces[start : start + 2])
    assert waiting(ring) == traces
    ring.remove(ring.batches()[0])
    assert waiting(ring) == traces[2:]


def test_only_this_user_may_read_it(tmp_path: Path) -> None:
    ring = Ring(tmp_path / "ring")
    ring.write([trace()])
    assert (tmp_path / "ring").stat().st_mode & 0o077 == 0
    assert ring.batches()[0].stat().st_mode & 0o077 == 0


def test_where_there_is_no_room_the_oldest_stories_leave_their_cards(tmp_path: Path) -> None:
    ring, traces = Ring(tmp_path / "ring", 25_000), [big() for _ in range(4)]
    told = [ring.write([one]) for one in traces]
    assert [(one.bared, one.lost) for one in told] == [(0, 0), (0, 0), (1, 0), (1, 0)]
    found = waiting(ring)
    assert [one.card for one in found] == [one.card for one in traces]
    assert [one.story == BARE for one in found] == [True, True, False, False]


def test_where_cards_alone_are_too_many_the_oldest_go(tmp_path: Path) -> None:
    ring, traces = Ring(tmp_path / "ring", 2_500), [trace() for _ in range(12)]
    told = [ring.write([one]) for one in traces]
    found = waiting(ring)
    assert 0 < len(found) < 12
    assert found[-1].card == traces[-1].card
    assert sum(one.lost for one in told) == 12 - len(found)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.integers(0, 3_000), min_size=1, max_size=20))
def test_it_is_never_larger_than_it_may_be_but_for_one_batch(
    tmp_path_factory: object, sizes: list[int]
) -> None:
    folder: Path = tmp_path_factory.mktemp("ring")  # type: ignore[attr-defined]
    ring, told = Ring(folder, 6_000), []
    for size in sizes:
        batch = [trace({"text": "x" * size})]
        told.append(ring.write(batch))
        used = [path.stat().st_size for path in folder.iterdir()]
        assert sum(used) <= max(6_000, used[-1])
    assert len(waiting(ring)) == len(sizes) - sum(one.lost for one in told)


def test_what_another_process_has_replayed_is_no_fault(tmp_path: Path) -> None:
    ring = Ring(tmp_path / "ring")
    ring.write([trace()])
    [batch] = ring.batches()
    ring.remove(batch)
    assert ring.read(batch) == []
    ring.remove(batch)


def test_a_batch_that_is_none_is_deleted_because_nobody_knows_what_is_in_it(
    tmp_path: Path,
) -> None:
    ring = Ring(tmp_path / "ring")
    ring.write([trace()])
    [batch] = ring.batches()
    batch.write_text('{"card": "half')
    assert ring.read(batch) == []
    assert ring.batches() == []


def test_a_person_can_be_taken_out(tmp_path: Path) -> None:
    ring, stays = Ring(tmp_path / "ring"), trace(person="bert")
    ring.write([trace(person="anna"), stays])
    ring.write([trace(person="anna")])
    assert ring.forget(Whom.named("anna")) == 2
    assert waiting(ring) == [stays]
    assert ring.forget(Whom.named("anna")) == 0
