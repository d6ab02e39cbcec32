"""SQLite as every embedded store opens it."""

from pathlib import Path

import pytest

from portico.stores.sqlite import path_of


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///.portico/ledger.db", ".portico/ledger.db"),
        ("sqlite:////var/lib/portico/ledger.db", "/var/lib/portico/ledger.db"),
    ],
)
def test_a_url_names_a_relative_or_an_absolute_file(url: str, path: str) -> None:
    assert path_of(url) == Path(path)


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite://ledger.db", "postgresql:///x", ""])
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="sqlite:///path"):
        path_of(url)
