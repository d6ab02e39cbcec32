"""The secret's file: private, made once whoever comes first, never replaced."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from portico.access.secret import make, read
from portico.errors import StoreUnavailable


def test_there_is_none_until_it_is_made(tmp_path: Path) -> None:
    path = tmp_path / "home" / "secret"
    assert read(path) is None
    assert not path.parent.exists()
    made = make(path)
    assert len(made) == 32
    assert read(path) == made
    assert make(path) == made


def test_only_its_owner_can_read_it_and_no_draft_is_left(tmp_path: Path) -> None:
    make(tmp_path / "home" / "secret")
    assert (tmp_path / "home" / "secret").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "home").stat().st_mode & 0o777 == 0o700
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["secret"]


def test_of_many_makers_at_once_all_have_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: make(tmp_path / "secret"), range(64)))
    assert made == {read(tmp_path / "secret")}


@pytest.mark.parametrize("text", ["", "abc", "g" * 64, "a" * 64 + "\nmore"])
def test_a_file_with_something_else_is_refused_and_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "secret"
    path.write_text(text)
    for use in (read, make):
        with pytest.raises(StoreUnavailable, match="no secret of this gateway"):
            use(path)
    assert path.read_text() == text


def test_a_place_that_cannot_be_used_is_a_store_that_is_away(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be read"):
        read(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable):
        make(tmp_path / "file" / "secret")
