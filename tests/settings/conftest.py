"""Configuration files for tests."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from portico.errors import ConfigError, Problem
from portico.settings import Settings, load_settings

type Load = Callable[..., Settings]
type Problems = Callable[..., tuple[Problem, ...]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a file with this text."""

    def load(text: str, environ: Mapping[str, str] | None = None) -> Settings:
        path = tmp_path / "portico.yaml"
        path.write_text(text, "utf-8")
        return load_settings(path, environ or {})

    return load


@pytest.fixture
def problems(load: Load) -> Problems:
    """Load a file that must be refused, and return why."""

    def problems(text: str, environ: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
        with pytest.raises(ConfigError) as caught:
            load(text, environ)
        return caught.value.problems

    return problems
