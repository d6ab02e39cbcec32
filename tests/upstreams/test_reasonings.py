from hypothesis import given
from hypothesis import strategies as st

from portico.chat.messages import Function, Message, ToolCall
from portico.chat.reply import Delta, ToolCallDelta
from portico.upstreams.reasonings import Note, Reasonings, Trail

LONG = "call_00_abcdefgh_1234"


def asked(text: str) -> Message:
    return Message("user", text)


def test_the_newest_thought_of_a_turn_counts_and_each_model_has_its_own() -> None:
    kept = Reasonings()
    kept.remember("a", "k", "old")
    kept.remember("a", "k", "new")
    assert (kept.recall("a", "k"), kept.recall("b", "k"), kept.recall("a", "x")) == ("new", "", "")
    assert len(kept) == 1


def test_what_was_used_least_recently_is_forgotten_first() -> None:
    kept = Reasonings(limit=2)
    kept.remember("a", "1", "x")
    kept.remember("a", "2", "y")
    assert kept.recall("a", "1") == "x"
    kept.remember("a", "3", "z")
    assert [kept.recall("a", key) for key in "123"] == ["x", "", "z"]


def test_long_thoughts_do_not_fill_the_memory() -> None:
    kept = Reasonings(weight=10)
    kept.remember("a", "1", "x" * 6)
    kept.remember("a", "2", "y" * 6)
    assert [kept.recall("a", key) for key in "12"] == ["", "y" * 6]
    kept.remember("a", "3", "z" * 11)
    assert len(kept) == 0
    kept.remember("a", "4", "w" * 10)
    assert kept.recall("a", "4") == "w" * 10


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.text(max_size=8))))
def test_the_bounds_hold_whatever_comes(turns: list[tuple[str, str]]) -> None:
    kept, last = Reasonings(limit=3, weight=12), {}
    for key, text in turns:
        kept.remember("o", key, text)
        last[key] = text
    found = {key: kept.recall("o", key) for key in last}
    assert len(kept) <= 3
    assert sum(map(len, found.values())) <= 12
    assert all(text in ("", last[key]) for key, text in found.items())


def test_a_turn_is_known_by_its_call_wherever_the_conversation_went() -> None:
    assert Trail([asked("a")]).key("x", [LONG]) == Trail([asked("b")]).key("", [LONG]) == LONG


def test_a_turn_without_such_a_call_is_known_by_all_that_was_said_before() -> None:
    key = Trail([asked("a")]).key("Yes.", [])
    assert key == Trail([asked(" a\n")]).key(" Yes. ", [])
    assert key != Trail([asked("b")]).key("Yes.", [])
    assert key != Trail([asked("a")]).key("No.", [])
    assert key != Trail([Message("system", "a")]).key("Yes.", [])
    assert Trail([asked("a")]).key("", ["0"]) != Trail([asked("b")]).key("", ["0"])


def test_a_trail_goes_on_after_a_turn_was_looked_up() -> None:
    trail = Trail([asked("a")])
    trail.key("Yes.", [])
    trail.hear(Message("assistant", None, tool_calls=[ToolCall(Function("f"), LONG)]))
    again = Trail([asked("a"), Message("assistant", tool_calls=[ToolCall(Function("f"), LONG)])])
    assert trail.key("x", []) == again.key("x", [])


def test_a_note_files_what_was_thought_once_the_answer_has_ended() -> None:
    kept, said = Reasonings(), [asked("a")]
    note = Note(kept, "o", said)
    note.hear([Delta(reasoning="h"), Delta(reasoning="m"), Delta(text="Ye")])
    assert len(kept) == 0
    note.hear(
        [Delta(text="s."), Delta(choice=1, text="other", finish="stop"), Delta(finish="stop")]
    )
    assert kept.recall("o", Trail(said).key("Yes.", [])) == "hm"


def test_a_note_knows_a_call_by_its_id() -> None:
    kept = Reasonings()
    note = Note(kept, "o", [asked("a")])
    calls = (ToolCallDelta(0, LONG, "f"), ToolCallDelta(0, None, None, "{}"))
    note.hear([Delta(reasoning="hm", tool_calls=calls), Delta(finish="tool_calls")])
    assert kept.recall("o", LONG) == "hm"


def test_an_answer_without_a_thought_is_not_noted() -> None:
    kept = Reasonings()
    Note(kept, "o", []).hear([Delta(text="x", finish="stop")])
    assert len(kept) == 0
