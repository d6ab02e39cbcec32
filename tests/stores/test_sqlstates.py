"""What Postgres's error codes mean to an operator."""

import re

import asyncpg
import pytest

from portico.stores.sqlstates import TOLD, told


def every() -> list[type[asyncpg.PostgresError]]:
    found = [getattr(asyncpg.exceptions, name) for name in asyncpg.exceptions.__all__]
    errors = [one for one in found if issubclass(one, asyncpg.PostgresError) and one.sqlstate]
    assert len(errors) > 200
    return errors


def test_every_error_that_the_driver_knows_has_words() -> None:
    # Warnings, and classes of statements that we do not use, are told by their code.
    quiet = {"01", "02", "03", "09", "0B", "0F", "0L", "0P", "0Z", "20", "21", "24", "25", "27"}
    quiet |= {"2B", "2D", "2F", "10", "34", "38", "39", "3B", "44", "72", "HV", "P0"}
    for error in every():
        said = told(error.sqlstate)
        assert error.sqlstate[:2] in quiet or "answered with an error" not in said, error


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("28P01", "password"),
        ("3D000", "no such database"),
        ("53100", "disk is full"),
        ("53300", "max_connections"),
        ("57P01", "shut down"),
        ("25006", "takes no writes"),
        ("42P01", "not there"),
        ("42703", "not as this version made them"),
        ("99999", r"\(99999\)"),
    ],
)
def test_what_an_operator_can_mend_is_told_by_its_own_words(code: str, words: str) -> None:
    assert re.search(words, told(code))


def test_no_words_begin_a_sentence_of_their_own() -> None:
    assert all(words[0].islower() and not words.endswith(".") for words in TOLD.values())
