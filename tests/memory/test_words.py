"""Words of any script, and what they weigh."""

from hypothesis import given
from hypothesis import strategies as st

from portico.memory.base import Hit
from portico.memory.fusing import fused
from portico.memory.words import asked_of, place, weights, words_of


def test_words_are_told_apart_in_any_script() -> None:
    assert words_of("Café-Menü, #ff00AA 16px") == ["cafe", "menu", "ff00aa", "16px"]
    assert words_of("Кнопка «Сохранить»") == ["кнопка", "сохранить"]
    assert words_of("登录按钮 login") == ["登", "录", "按", "钮", "login"]
    assert asked_of("red RED Red") == ["red"]


@given(st.text(max_size=300))
def test_any_text_has_words_that_stay_themselves(text: str) -> None:
    words = words_of(text)
    assert words_of(" ".join(words)) == words
    assert all(0 <= place(word) < 2**31 for word in words)
    assert all(weight > 0 for weight in weights(words).values())


def hit(name: str, score: float = 1.0, words: tuple[str, ...] = ()) -> Hit:
    return Hit(id=name, artifact=name, chat="r", at=1.0, score=score, likeness=score, words=words)


def test_what_several_searches_find_comes_first_with_every_reason() -> None:
    found = fused(
        {
            "words": [hit("a", words=("red",)), hit("b", words=("red",))],
            "meaning": [hit("b", 0.9), hit("c", 0.8)],
            "likeness": [hit("b", 0.7)],
        }
    )
    assert [one.hit.artifact for one in found] == ["b", "a", "c"]
    assert found[0].words == ("red",)
    assert (found[0].meaning, found[0].likeness) == (0.9, 0.7)
    assert found[0].places == {"words": 2, "meaning": 1, "likeness": 1}
    assert found[1].meaning is None


def test_an_artifact_counts_once_in_each_search() -> None:
    twice = [hit("a"), hit("a"), hit("b")]
    found = fused({"words": twice})
    assert [(one.hit.artifact, one.places) for one in found] == [
        ("a", {"words": 1}),
        ("b", {"words": 2}),
    ]
