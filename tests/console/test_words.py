from portico.console.words import because, day, plain


def test_a_word_that_decided_is_quoted_and_a_sign_is_told_as_it_is() -> None:
    assert because("word critique") == "the word “critique”"
    assert because("word design*") == "a word that begins with “design”"
    assert because("picture without words") == "picture without words"
    assert because("word") == "word"
    assert because("") == ""


def test_names_of_ours_are_written_as_words() -> None:
    assert plain("target.switched_on") == "target switched on"


def test_a_moment_is_told_to_the_second() -> None:
    assert day(0.9) == "1970-01-01 00:00:00"
