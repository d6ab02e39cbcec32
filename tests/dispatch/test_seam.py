import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portico.dispatch.seam import CERTAIN, RESTARTED, WINDOW, Kind, Seam

VOCABULARY = (
    "grid contrast button hierarchy spacing header modal toolbar пейзаж кнопка отступ заголовок "
    "border-radius: 4px; margin { } () => const 按钮 间距 层次 对比度 layout, rhythm; type-scale."
)
WORDS = VOCABULARY.split()
TEXT = (
    "The header is too tall, so the fold cuts the form in half. Move the button up; let it breathe."
)


def joined(sent: str, said: list[str], *, exact: bool = False) -> tuple[str, Kind | None]:
    """Return what the reader has in the end, and how the rescuer took up the thread."""
    seam = Seam(sent, exact=exact)
    got = sent + "".join([seam.feed(piece) for piece in said]) + seam.end()
    return got, seam.kind


@st.composite
def cuts(draw: st.DrawFn) -> tuple[str, int]:
    """A text without repetitions of its own, and a place to cut it."""
    seed = draw(st.integers(0, 10_000))
    words = [
        f"{word}{index}" for index, word in enumerate(random.Random(seed).choices(WORDS, k=60))
    ]
    text = draw(st.sampled_from([" ", "  ", "\n", "\n\n- "])).join(words)
    return text, draw(st.integers(1, len(text) - 1))


def pieces(draw: st.DrawFn, text: str) -> list[str]:
    sizes = draw(st.lists(st.integers(1, 30), min_size=1, max_size=8))
    found, at, turn = [], 0, 0
    while at < len(text):
        size = sizes[turn % len(sizes)]
        found.append(text[at : at + size])
        at, turn = at + size, turn + 1
    return found


def spaced_anew(text: str) -> str:
    return "   ".join(text.split())


@given(cuts(), st.data())
def test_an_exact_continuation_stays_as_it_is(cut: tuple[str, int], data: st.DataObject) -> None:
    text, at = cut
    got, kind = joined(text[:at], pieces(data.draw, text[at:]))  # type: ignore[arg-type]

    assert got == text
    assert kind in (Kind.CONTINUED, None)


@given(cuts(), st.integers(CERTAIN, 400), st.data())
def test_a_repeated_tail_is_dropped(cut: tuple[str, int], tail: int, data: st.DataObject) -> None:
    text, at = cut
    start = max(0, at - tail)
    assume(len("".join(text[start:at].split())) >= CERTAIN)
    got, kind = joined(text[:at], pieces(data.draw, text[start:]))  # type: ignore[arg-type]

    assert got.split() == text.split() or "".join(got.split()) == "".join(text.split())
    assert kind is not Kind.RESTARTED


@given(cuts(), st.data())
def test_a_restart_that_says_the_same_goes_on(cut: tuple[str, int], data: st.DataObject) -> None:
    text, at = cut
    got, kind = joined(text[:at], pieces(data.draw, text))  # type: ignore[arg-type]

    assert got == text
    assert kind is Kind.REPEATED


@given(cuts(), st.data())
def test_white_space_may_change_on_the_way(cut: tuple[str, int], data: st.DataObject) -> None:
    text, at = cut
    got, kind = joined(text[:at], pieces(data.draw, spaced_anew(text)))  # type: ignore[arg-type]

    assert "".join(got.split()) == "".join(text.split())
    assert kind is Kind.REPEATED


@given(cuts(), st.data())
def test_an_echoed_prefix_is_dropped(cut: tuple[str, int], data: st.DataObject) -> None:
    text, at = cut
    got, _ = joined(text[:at], pieces(data.draw, text), exact=True)  # type: ignore[arg-type]

    assert got == text


def test_a_restart_that_departs_is_told_and_comes_whole() -> None:
    other = TEXT[: RESTARTED + 20] + "is fine as it is."
    got, kind = joined(TEXT[:80], [other])

    assert kind is Kind.RESTARTED
    assert got == f"{TEXT[:80]}\n\n{other}"


@pytest.mark.parametrize(
    ("sent", "said", "got"),
    [
        ("The quick brown", ["brown fox"], "The quick brown fox"),
        ("The quick brown", [" fox"], "The quick brown fox"),
        ("The quick bro", ["wn fox"], "The quick brown fox"),
        ("hel", ["lo"], "hello"),
        ("he had", [" had enough"], "he had had enough"),
        ("One two three ", ["three four"], "One two three four"),
        ("", ["anything"], "anything"),
        ("say that once", [" once more"], "say that once once more"),
        ("one1 two2 one1 two2", ["two2 three"], "one1 two2 one1 two2two2 three"),
        ("All is said.", [], "All is said."),
        ("All is said.", ["is said."], "All is said."),
        ("x = 1\n", ["y = 2\n"], "x = 1\ny = 2\n"),
        ("| cell | cell |\n" * 4, ["| cell | cell |\n"], "| cell | cell |\n" * 5),
    ],
)
def test_small_seams(sent: str, said: list[str], got: str) -> None:
    assert joined(sent, said)[0] == got


def test_little_is_held_back() -> None:
    """What cannot be a repetition goes out at once; what can is bounded by what was sent."""
    seam = Seam("abc " * 1000)
    held = 0
    for piece in ["abc "] * 2000:
        held = 0 if seam.feed(piece) else held + len(piece)
        assert held <= 4 * 1000 + WINDOW


def test_after_the_decision_everything_passes() -> None:
    seam = Seam(TEXT)

    assert seam.feed("Something else. ") == "Something else. "
    assert seam.feed(TEXT) == TEXT
    assert seam.end() == ""


def test_what_was_held_back_and_is_no_tail_after_all_is_new() -> None:
    got, kind = joined("one two three four", ["two three"])
    assert got.endswith("two three")
    assert got != "one two three four"
    assert kind is not None
