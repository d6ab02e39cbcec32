"""The counts of a hub: limits hold, whoever asks; spares are small, and nobody is starved."""

from hypothesis import given
from hypothesis import strategies as st

from portico.shared.base import Ask, Back, Batch, Lent, Say
from portico.shared.counts import Counts

NOW = 1_000_000.0


def drawn(counts: Counts, who: str, *asks: Ask, now: float = NOW) -> Lent | None:
    return counts.swap(Batch(who, (asks,)), now).drawn[0].lent


def places(most: int, *, queue: bool = False) -> Ask:
    return Ask("p", most, queue=queue)


def window(most: int, want: int = 1) -> Ask:
    return Ask("w", most, want, window=True)


def test_a_window_lets_in_as_many_as_it_says_and_no_more_for_a_minute() -> None:
    counts = Counts()
    found = [drawn(counts, who, window(10)) for who in "abababababab"]

    assert [one is not None for one in found] == [True] * 10 + [False] * 2
    [refused] = counts.swap(Batch("a", ((window(10),),)), NOW).drawn
    assert refused.short is not None
    assert refused.short.wait == 61.0
    assert drawn(counts, "a", window(10), now=NOW + 60.9) is None
    assert drawn(counts, "a", window(10), now=NOW + 61) is not None


def test_a_window_of_tokens_lets_in_while_there_is_any_room() -> None:
    counts = Counts()

    assert drawn(counts, "a", window(100, 99)) is not None
    assert drawn(counts, "b", window(100, 99)) is not None
    assert drawn(counts, "a", window(100, 1)) is None


def test_what_was_not_used_after_all_is_room_again() -> None:
    counts = Counts()
    lent = drawn(counts, "a", window(100, 100))
    assert lent is not None
    counts.swap(Batch("a", backs=(Back("w", lent.cells[0], 60),)), NOW + 1)

    assert drawn(counts, "b", window(100, 1), now=NOW + 1) is not None


def test_spare_units_are_a_sixteenth_of_what_is_left_and_count_as_used() -> None:
    counts = Counts()
    lent = drawn(counts, "a", window(100))

    assert lent == Lent((int(NOW),), (6,))
    asked = [drawn(counts, "b", window(100)) for _ in range(100)]
    assert 1 + 6 + sum(1 + one.spare[0] for one in asked if one) == 100


def test_all_of_a_draw_is_granted_or_nothing_is() -> None:
    counts = Counts()
    assert drawn(counts, "a", window(1)) is not None
    [refused] = counts.swap(Batch("a", ((places(4), window(1)),)), NOW).drawn

    assert refused.short is not None
    assert refused.short.which == 1
    assert [drawn(counts, "b", places(4)) is not None for _ in range(5)] == [True] * 4 + [False]


def test_places_of_a_process_that_has_gone_are_free() -> None:
    counts = Counts()
    for _ in range(4):
        drawn(counts, "a", places(4))
    assert drawn(counts, "b", places(4)) is None
    counts.gone("a")

    assert drawn(counts, "b", places(4)) is not None


def test_who_comes_back_has_what_it_says_that_it_has() -> None:
    counts = Counts()
    drawn(counts, "a", places(4))
    reply = counts.swap(Batch("a", holds={"p": 3}), NOW)

    assert reply.board == {}
    assert [drawn(counts, "b", places(4)) is not None for _ in range(2)] == [True, False]


def test_who_waits_first_has_the_place_that_comes_free() -> None:
    counts = Counts()
    drawn(counts, "a", places(1))
    assert drawn(counts, "b", places(1, queue=True)) is None
    counts.swap(Batch("a", backs=(Back("p", 0, 1),)), NOW)

    assert drawn(counts, "a", places(1, queue=True), now=NOW + 0.1) is None
    assert drawn(counts, "b", places(1, queue=True), now=NOW + 0.1) is not None


def test_who_has_stopped_waiting_holds_nobody_up() -> None:
    counts = Counts()
    drawn(counts, "a", places(1))
    drawn(counts, "b", places(1, queue=True))
    counts.swap(Batch("a", backs=(Back("p", 0, 1),)), NOW)

    assert drawn(counts, "a", places(1), now=NOW + 0.3) is not None


def test_what_is_kept_is_told_to_whoever_comes() -> None:
    counts = Counts()
    counts.swap(Batch("a", says=(Say("x", "1"), Say("y", "2"), Say("z", "3", kept=False))), NOW)
    counts.swap(Batch("b", says=(Say("x", None),)), NOW)

    assert counts.swap(Batch("c", holds={}), NOW).board == {"y": "2"}


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["draw", "back", "gone"])), max_size=60
    ),
    st.integers(1, 40),
)
def test_no_schedule_gives_more_places_than_there_are(
    steps: list[tuple[str, str]], most: int
) -> None:
    counts = Counts()
    had = dict.fromkeys("abc", 0)
    for who, step in steps:
        if step == "draw" and (lent := drawn(counts, who, places(most))):
            had[who] += 1 + lent.spare[0]
        elif step == "back" and had[who]:
            counts.swap(Batch(who, backs=(Back("p", 0, 1),)), NOW)
            had[who] -= 1
        elif step == "gone":
            counts.gone(who)
            had[who] = 0
        assert sum(had.values()) <= most
    if sum(had.values()) < most:
        assert drawn(counts, "d", places(most)) is not None
