"""`portico check`: every finding says what, where and how to mend it."""

import socket
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from portico.access.base import Key, Roster
from portico.egress.tunnels.inlets import Inlet
from portico.egress.tunnels.store import save
from portico.egress.tunnels.values import Shadowsocks
from portico.errors import ConfigError, Problem, StoreUnavailable
from portico.settings.diagnosis import Finding, Looks, diagnose

LIVE = Key("key_1", "anna", 1.0, None, None, "wxyz")
OVER = Key("key_2", "bert", 1.0, 2.0, None, "wxyz")
TUNNELLED = {"GEMINI_API_KEY": "canary-key", "PORTICO_GOOGLE_TUNNEL": ""}


def found(
    home: Path,
    text: str = "",
    environ: Mapping[str, str] | None = None,
    keys: Roster | Exception | None = None,
    ledger: Problem | None = None,
) -> list[Finding]:
    """Return the findings for a file with *text*, and these keys or this trouble with them."""
    home.mkdir(exist_ok=True)
    config = home / "portico.yaml"
    config.write_text(text)

    def read(_: object) -> Roster:
        if isinstance(keys, Exception):
            raise keys
        return keys or Roster({}, b"")

    return diagnose(config if text else None, home, environ or {}, Looks(read, lambda _: ledger))


def about(findings: list[Finding], where: str) -> Finding:
    (one,) = [finding for finding in findings if finding.where == where]
    return one


def roster(*keys: Key) -> Roster:
    return Roster({key.id.encode(): key for key in keys}, b"")


def test_a_fresh_machine_has_no_error_and_is_told_what_is_not_real(tmp_path: Path) -> None:
    findings = found(tmp_path)
    assert {one.level for one in findings} == {"ok", "note"}
    google = about(findings, "upstreams.google")
    assert (google.level, google.mend) == ("note", "set upstreams.google.api_key")


def test_a_faulty_configuration_is_the_only_thing_told(tmp_path: Path) -> None:
    findings = found(tmp_path, "server: {drain: never}\naccess: {requird: true}\n")
    assert [(one.level, one.where) for one in findings] == [
        ("error", f"{tmp_path}/portico.yaml:1:server.drain"),
        ("error", f"{tmp_path}/portico.yaml:2:access.requird"),
    ]
    assert all(one.mend for one in findings)


def test_what_is_legal_but_odd_is_a_note(tmp_path: Path) -> None:
    text = "upstreams:\n  google: {base_url: 'http://far.example', api_key: x}\nextends: builtin\n"
    odd = about(found(tmp_path, text), f"{tmp_path}/portico.yaml:2:upstreams.google.base_url")
    assert (odd.level, odd.mend) == ("note", "write https://")


def test_a_tunnel_that_listens_is_fine_and_one_that_does_not_is_an_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        environ = TUNNELLED | {"PORTICO_GOOGLE_TUNNEL": f"socks5h://u:canary@127.0.0.1:{port}"}
        tunnel = about(found(tmp_path, environ=environ), "egress.google")
        assert (tunnel.level, tunnel.what) == ("ok", f"a tunnel listens at 127.0.0.1:{port}")
    tunnel = about(found(tmp_path, environ=environ), "egress.google")
    assert (tunnel.level, tunnel.what) == ("error", f"no tunnel listens at 127.0.0.1:{port}")
    assert "start the tunnel" in tunnel.mend


def test_an_engine_of_our_own_wants_its_file_and_a_program(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    text = f"egress: {{google: {{kind: tunnel, tunnels: {file}}}}}\n"
    missing = about(found(tmp_path, text, TUNNELLED), str(file))
    assert (missing.level, missing.what) == ("error", "cannot be read: No such file or directory")
    save(file, (Inlet("one", 21001, Shadowsocks("192.0.2.1", 443, "aes-256-gcm", "canary")),))
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    environ = TUNNELLED | {"PATH": str(bin_)}
    nothing = about(found(tmp_path, text, environ), "egress.google")
    assert nothing.level == "error"
    assert "put `xray` or `sing-box` on the PATH" in nothing.what
    (bin_ / "sing-box").write_text("#!/bin/sh\n")
    (bin_ / "sing-box").chmod(0o755)
    engine = about(found(tmp_path, text, environ), "egress.google")
    assert (engine.level, engine.what) == ("ok", "sing-box is here and can carry the tunnels (1)")
    late = about(found(tmp_path, text, environ), "egress.google.tunnels")
    assert (late.level, late.what) == (
        "note",
        f"{file} is read when the gateway starts, and not by a reload",
    )
    assert "restart" in late.mend


def test_a_tunnel_nobody_uses_is_not_looked_at(tmp_path: Path) -> None:
    assert not [one for one in found(tmp_path) if one.where == "egress.google"]


def test_no_finding_shows_a_key_or_a_password(tmp_path: Path) -> None:
    environ = TUNNELLED | {"PORTICO_GOOGLE_TUNNEL": "socks5h://u:canary-password@127.0.0.1:9"}
    told = "\n".join(map(str, found(tmp_path, environ=environ)))
    assert "google has a key" in told
    assert "canary" not in told


@pytest.mark.parametrize(
    ("required", "keys", "level", "said"),
    [
        ("auto", roster(), "note", "this machine alone may ask"),
        ("auto", roster(LIVE, OVER), "ok", "and 1 may ask"),
        ("auto", roster(OVER), "error", "nobody may ask"),
        ("true", roster(LIVE), "ok", "and 1 may ask"),
        ("true", roster(), "error", "nobody may ask"),
        ("false", roster(LIVE), "note", "whoever reaches the gateway may ask"),
    ],
)
def test_who_may_ask_is_told(
    tmp_path: Path, required: str, keys: Roster, level: str, said: str
) -> None:
    finding = about(found(tmp_path, f"access: {{required: {required}}}", keys=keys), _ACCESS)
    assert finding.level == level
    assert said in finding.what
    assert bool(finding.mend) is (level != "ok")


_ACCESS = "access.required"


def test_keys_that_cannot_be_read_are_an_error_with_a_remedy(tmp_path: Path) -> None:
    trouble = StoreUnavailable("the keys did not answer: SQLITE_NOTADB")
    (finding,) = [one for one in found(tmp_path, keys=trouble) if one.level == "error"]
    assert finding.what == str(trouble)
    assert "restore access.db and secret together" in finding.mend


def test_keys_of_a_newer_version_are_an_error(tmp_path: Path) -> None:
    newer = ConfigError((Problem("the keys have schema 9", remedy="run the newer version"),))
    (finding,) = [one for one in found(tmp_path, keys=newer) if one.level == "error"]
    assert (finding.what, finding.mend) == ("the keys have schema 9", "run the newer version")


def test_a_secret_that_others_can_read_is_an_error(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.touch(mode=0o600)
    assert not [one for one in found(tmp_path) if one.where == str(secret)]
    secret.chmod(0o640)
    finding = about(found(tmp_path), str(secret))
    assert (finding.level, finding.mend) == ("error", f"chmod 600 {secret}")


def test_a_home_that_is_not_there_yet_is_judged_by_what_is(tmp_path: Path) -> None:
    def findings(home: Path) -> list[Finding]:
        return diagnose(None, home, {}, Looks(lambda _: Roster({}, b"")))

    home = tmp_path / "not" / "yet"
    assert about(findings(home), str(home)).level == "ok"
    assert not home.parent.exists()
    (tmp_path / "file").touch(mode=0o755)
    home = tmp_path / "file" / "home"
    finding = about(findings(home), str(home))
    assert finding.level == "error"
    assert "PORTICO_HOME" in finding.mend


def test_every_folder_that_the_configuration_names_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "file").touch(mode=0o755)
    text = (
        f"stores: {{ledger: 'sqlite:///{tmp_path}/file/ledger.db',"
        f" traces: 'sqlite:///{tmp_path}/other/traces.db',"
        f" memory: 'local:///{tmp_path}/other', artifacts: 's3://bucket?endpoint=http://far'}}"
    )
    home = tmp_path / "home"
    findings = found(home, text)
    ledger = about(findings, str(tmp_path / "file"))
    assert (ledger.level, ledger.what) == ("error", "the ledger cannot be written")
    assert ledger.mend == "make it writable, or set stores.ledger to a folder that is"
    shared = about(findings, str(tmp_path / "other"))
    assert (shared.level, shared.what) == ("ok", "the traces can be written")
    assert about(findings, str(home)).what == "the embedded stores can be written"
    folders = [one.where for one in findings if one.what.endswith("can be written")]
    assert folders == [str(home), str(tmp_path / "other")]


def test_what_lies_with_the_home_is_told_once(tmp_path: Path) -> None:
    findings = found(tmp_path, environ={"PORTICO_HOME": str(tmp_path)})
    assert [one.where for one in findings if one.what.endswith("can be written")] == [str(tmp_path)]


def test_a_finding_is_read_by_people() -> None:
    finding = Finding("note", "it is late", "here", "sleep")
    assert str(finding) == "note   it is late [here]\n       mend: sleep"
    assert str(Finding("ok", "all is well")) == "ok     all is well"


def test_an_expired_key_expires_by_the_clock_of_this_machine(tmp_path: Path) -> None:
    soon = Key("key_1", "anna", 1.0, time.time() + 3600, None, "wxyz")
    assert about(found(tmp_path, keys=roster(soon)), _ACCESS).level == "ok"


def test_a_ledger_that_cannot_be_used_is_an_error_with_what_to_do(tmp_path: Path) -> None:
    wrong = Problem("it does not accept our user", key="stores.ledger", remedy="mend the address")
    ledger = about(found(tmp_path, ledger=wrong), "stores.ledger")
    assert (ledger.level, ledger.what, ledger.mend) == ("error", wrong.message, wrong.remedy)
    assert about(found(tmp_path), "stores.ledger").level == "ok"


def test_rows_that_wait_are_noted_and_those_that_cannot_be_read_are_an_error(
    tmp_path: Path,
) -> None:
    spool = tmp_path / "spool"
    spool.mkdir()
    assert not [one for one in found(tmp_path) if one.where == str(spool)]
    (spool / "1.jsonl").touch()
    assert about(found(tmp_path), str(spool)).level == "note"
    (spool / "2.unreadable").touch()
    assert [one.level for one in found(tmp_path) if one.where == str(spool)] == ["note", "error"]
