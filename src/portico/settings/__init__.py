"""What an operator decides: YAML and environment to frozen settings. Pydantic stops here."""

from portico.settings.catalog import catalog, embeddings
from portico.settings.check import warnings
from portico.settings.effective import effective
from portico.settings.entries import EgressPath, Role, Target, Upstream
from portico.settings.load import load_settings
from portico.settings.model import Settings
from portico.settings.schema import json_schema

__all__ = [
    "EgressPath",
    "Role",
    "Settings",
    "Target",
    "Upstream",
    "catalog",
    "effective",
    "embeddings",
    "json_schema",
    "load_settings",
    "warnings",
]
