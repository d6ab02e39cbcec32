"""Engines that the gateway runs itself, and settings that lead to them."""

import logging
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from portico.egress.engine import Engine, open_engines
from portico.egress.paths import Via
from portico.egress.programs import Places
from portico.egress.tunnels.store import load as read
from portico.errors import ConfigError
from portico.settings import Settings
from portico.settings.places import Fault

log = logging.getLogger(__name__)

type Load = Callable[[], Settings]


def carried(settings: Settings, file: Path) -> Settings:
    """Return *settings* in which our own engine carries all tunnelled paths, from *file* on."""
    egress = {name: path.carried_from(str(file)) for name, path in settings.egress.items()}
    return settings.model_copy(update={"egress": egress})


def read_tunnels(settings: Settings) -> None:
    """Read the files that our own engines would be started with; raises ConfigError."""
    for file in _files(settings).values():
        read(Path(file))


@dataclass(frozen=True, slots=True)
class Leading:
    """
    Loads settings whose paths lead to the engines that run, each from its file.

    Engines keep the tunnels that they were started with: that a file has others now is logged.
    """

    load: Load
    files: Mapping[str, str]
    engines: Mapping[str, Engine]

    def __call__(self) -> Settings:
        """Return the settings; raises ConfigError for a path that no engine was started for."""
        settings = self.load()
        late = {
            name: file for name, file in _files(settings).items() if self.files.get(name) != file
        }
        if late:
            raise ConfigError(tuple(settings.source.problem(_late(name)) for name in late))
        for name, engine in self.engines.items():
            _compare(engine, Path(self.files[name]))
        egress = dict(settings.egress)
        for name in _files(settings):
            egress[name] = egress[name].by(map(_url, self.engines[name].vias))
        return settings.model_copy(update={"egress": egress})


@asynccontextmanager
async def leading(load: Load, home: Path, environ: Mapping[str, str]) -> AsyncIterator[Load]:
    """
    Start an engine for each path that is used and names its `tunnels`; give settings with its way.

    Raises:
        ConfigError: the configuration contradicts itself, or a file of tunnels does.
    """
    files = _files(load())
    places = Places(environ.get("PATH", ""), tuple(sys.path))
    paths = {name: Path(file) for name, file in files.items()}
    async with open_engines(paths, places, home / "engines") as engines:
        yield Leading(load, files, engines)


def own_engines(settings: Settings) -> frozenset[str]:
    """Return the paths in use that an engine of our own carries."""
    return frozenset(_files(settings))


def _files(settings: Settings) -> dict[str, str]:
    used = {name: settings.egress[name] for name in sorted(settings.paths_in_use)}
    return {name: path.tunnels for name, path in used.items() if path.tunnels}


def _compare(engine: Engine, file: Path) -> None:
    try:
        now = read(file)
    except ConfigError:
        now = ()
    if now != engine.given:
        log.warning("%s has changed, and is read when the gateway starts: restart it", file)


def _late(name: str) -> Fault:
    message = "an engine is started only with the gateway, and none carries this path"
    return Fault(("egress", name, "tunnels"), message, "restart the gateway")


def _url(via: Via) -> str:
    return f"{via.kind}://{quote(via.user)}:{quote(via.password)}@{via.host}:{via.port}#{via.name}"
