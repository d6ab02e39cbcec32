from hypothesis import given
from hypothesis import strategies as st

from portico.upstreams.signatures import Signatures


def test_a_signature_comes_back_to_the_model_that_gave_it_and_to_no_other() -> None:
    kept = Signatures()
    kept.remember("google/gemini-3", "call_1", "AAA")
    assert kept.recall("google/gemini-3", "call_1") == "AAA"
    assert kept.recall("google/gemini-3.8", "call_1") is None
    assert kept.recall("google/gemini-3", "call_2") is None


def test_the_least_recently_used_is_forgotten_first() -> None:
    kept = Signatures(limit=2)
    kept.remember("m", "a", "A")
    kept.remember("m", "b", "B")
    kept.recall("m", "a")
    kept.remember("m", "c", "C")
    assert [kept.recall("m", name) for name in "abc"] == ["A", None, "C"]


def test_a_new_signature_replaces_the_old_one() -> None:
    kept = Signatures(limit=2, weight=4)
    kept.remember("m", "b", "B")
    for signature in ("AA", "A", "AAA"):
        kept.remember("m", "a", signature)
    assert kept.recall("m", "a") == "AAA"
    assert kept.recall("m", "b") == "B"


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.text("x", max_size=9)), max_size=40))
def test_it_never_holds_more_than_its_bounds(given_: list[tuple[str, str]]) -> None:
    kept = Signatures(limit=3, weight=20)
    for call_id, signature in given_:
        kept.remember("m", call_id, signature)
        held = [kept.recall("m", name) for name in "abcdef"]
        found = [one for one in held if one is not None]
        assert len(found) <= 3
        assert sum(map(len, found)) <= 20
        assert kept.recall("m", call_id) == signature
