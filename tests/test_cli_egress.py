"""`portico egress`, by the real command: from links to an engine's configuration."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from portico.egress.paths import parse_via
from portico.egress.tunnels.intake import take
from portico.egress.tunnels.store import load

UUID = "8e47090b-723e-45a9-9a86-4d95b244c2fa"
KEY = "CtSy54G3k3ipIRiQfJNDa9JdyPAt6jOErx2yZSKqrW4"
VLESS = f"vless://{UUID}@203.0.113.7:443?security=reality&pbk={KEY}&sni=www.example.com#sg%201"
SS = "ss://YWVzLTI1Ni1nY206czNjcmV0@proxy.example.net:8388#us1"
BAD = "ss://cmM0LW1kNTpodW50ZXIy@203.0.113.9:8388"
SECRETS = (UUID, KEY, "s3cret", "hunter2", "cmM0LW1kNTpodW50ZXIy", "YWVzLTI1Ni1nY206czNjcmV0")
GOOGLE = "generativelanguage.googleapis.com"


def portico(folder: Path, *line: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("portico")), "egress", *line],
        cwd=folder,
        env=os.environ | {"PORTICO_HOME": "home"},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a file of two tunnels lies."""
    take(tmp_path / "t.yaml", [("test", f"{VLESS}\n{SS}".encode())])
    return tmp_path


def test_links_become_a_file_for_its_owner_and_no_secret_is_told(tmp_path: Path) -> None:
    done = portico(tmp_path, "import", stdin=f"# ours\n{VLESS}\r\n\n{BAD}\n{SS}\n")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "sg-1: taken, port 21001",
        "us1: taken, port 21002",
        "  note: the server is given by name, which the sidecar looks up; pin its IP address",
    ]
    assert done.stderr.startswith("refused: stdin:4: stream ciphers can be read")
    place = tmp_path / "home" / "tunnels.yaml"
    assert place.stat().st_mode & 0o777 == 0o600
    assert place.parent.stat().st_mode & 0o077 == 0
    shown = portico(tmp_path, "show")
    assert shown.returncode == 0
    assert "sg-1: port 21001, vless to 203.0.113.7:443" in shown.stdout
    said = done.stdout + done.stderr + shown.stdout + shown.stderr
    assert [secret for secret in SECRETS if secret in said] == []


def test_links_come_from_files_as_well_and_what_is_there_stays(folder: Path) -> None:
    before = (folder / "t.yaml").read_text()
    (folder / "one").write_text(VLESS)
    (folder / "two").write_bytes(b"\xff\xfe\n" + SS.replace("8388", "8389").encode())
    done = portico(folder, "import", "--tunnels", "t.yaml", "one", "two")
    assert done.returncode == 1
    assert "refused: one:1: this tunnel is already there, as sg-1" in done.stderr
    assert "refused: two:1: a link begins with" in done.stderr
    assert [inlet.name for inlet in load(folder / "t.yaml")] == ["sg-1", "us1", "us1-2"]
    assert (folder / "t.yaml").read_text().startswith(before)


@pytest.mark.parametrize("stdin", ["", "\n# nothing\n"])
def test_nothing_to_take_makes_no_file(tmp_path: Path, stdin: str) -> None:
    done = portico(tmp_path, "import", "--tunnels", "t.yaml", stdin=stdin)
    assert (done.returncode, done.stderr) == (0, "There was no link to take.\n")
    assert list(tmp_path.iterdir()) == []


def test_a_faulty_file_is_told_and_never_replaced(folder: Path) -> None:
    (folder / "t.yaml").chmod(0o644)
    for line in (("import",), ("show",), ("render",)):
        done = portico(folder, *line, "--tunnels", "t.yaml", stdin=VLESS)
        assert done.returncode == 1
        assert done.stderr.startswith("error: t.yaml: may be read by others")
        assert "chmod 600 t.yaml" in done.stderr
        assert done.stdout == ""
    done = portico(folder, "show")
    assert done.stderr.startswith("error: home/tunnels.yaml: cannot be read: No such file")
    done = portico(folder, "import", "--tunnels", "no/where.yaml", stdin=VLESS)
    assert (done.returncode, done.stderr) == (
        1,
        "error: no/where.yaml: No such file or directory\n",
    )
    assert portico(folder, "import", "missing.txt").returncode == 2


def test_a_configuration_is_rendered_and_the_gateway_s_side_of_it(folder: Path) -> None:
    done = portico(folder, "render", "--tunnels", "t.yaml")
    assert done.returncode == 0
    made = json.loads(done.stdout)
    assert made["outbounds"][0]["protocol"] == "blackhole"
    assert [one["listen"] for one in made["inbounds"]] == ["127.0.0.1"] * 2
    section = yaml.safe_load(done.stderr)["egress"]["google"]
    assert section == {
        "kind": "tunnel",
        "via": ["http://127.0.0.1:21001#sg-1", "http://127.0.0.1:21002#us1"],
    }


def test_a_firewall_takes_no_server_that_is_given_by_name(folder: Path) -> None:
    done = portico(folder, "render", "--tunnels", "t.yaml", "--out", "x", "--exits", "exits.nft")
    assert (done.returncode, "the server of us1 is given by name" in done.stderr) == (1, True)
    assert sorted(path.name for path in folder.iterdir()) == ["t.yaml"], "nothing is written"


def test_it_is_written_for_its_owner_with_everything_that_was_asked(folder: Path) -> None:
    (folder / "password").write_text("p@ss wörd\n")
    line = ["--out", "x.json", "--listen", "::", "--sidecar", "egress-google", "--port", "3000"]
    line += ["--user", "gate way", "--password-file", "password"]
    line += ["--reach", f"{GOOGLE}:443", "--reach", "other.test:8443"]
    done = portico(folder, "render", "--tunnels", "t.yaml", *line)
    assert (done.returncode, done.stderr) == (0, "")
    out = folder / "x.json"
    assert out.stat().st_mode & 0o777 == 0o600
    made = json.loads(out.read_text())
    assert [(one["listen"], one["port"]) for one in made["inbounds"]] == [
        ("::", 3000),
        ("::", 3001),
    ]
    assert made["inbounds"][0]["settings"]["accounts"] == [
        {"user": "gate way", "pass": "p@ss wörd"}
    ]
    assert f"full:{GOOGLE}" in str(made["routing"])
    assert "full:other.test" in str(made["routing"])
    assert "p@ss" not in done.stdout
    first, _ = yaml.safe_load(done.stdout)["egress"]["google"]["via"]
    via = parse_via(first.replace("${PORTICO_TUNNEL_PASSWORD}", "p%40ss%20w%C3%B6rd"))
    assert (via.host, via.port, via.user, via.password) == (
        "egress-google",
        3000,
        "gate way",
        "p@ss wörd",
    )


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        (("--engine", "v2ray"), 1, "error: the engines are xray and sing-box"),
        (("--engine", "sing-box"), 1, "error: us1: sing-box would need a DNS of its own"),
        (("--listen", "localhost"), 1, "on an IP address"),
        (("--listen", "192.0.2.1"), 1, "needs a user and a password"),
        (("--listen", "0.0.0.0"), 2, "needs --sidecar"),
        (("--port", "65535"), 1, "a port is a number from 1 to 65535"),
        (("--port", "0"), 2, "Invalid value for '--port'"),
        (("--reach", GOOGLE), 1, "a reach is a host name and a port"),
        (("--reach", "192.0.2.1:443"), 1, "a reach is a host name and a port"),
        (("--user", "gateway"), 2, "go together"),
        (("--password-file", "empty"), 2, "go together"),
        (("--user", "g", "--password-file", "empty"), 1, "error: empty: is empty"),
        (("--user", "g", "--password-file", "missing"), 1, "missing: cannot be read"),
        (("--user", "g", "--password-file", "bytes"), 1, "bytes: is not UTF-8 text"),
        (("--user", "g", "--password-file", "lines"), 1, "user and password are printable"),
        (("--user", "g:h", "--password-file", "good"), 1, "no colon in the user"),
        (("--out", "t.yaml"), 2, "--out names the file of tunnels itself"),
        (("--out", "no/where.json"), 1, "error: no/where.json: No such file or directory"),
    ],
)
def test_what_is_wrong_with_a_line_is_told_and_nothing_is_written(
    folder: Path, line: tuple[str, ...], code: int, said: str
) -> None:
    texts = {"good": b"hunter3", "empty": b"\n", "bytes": b"\xff", "lines": b"hunter3\nhunter4\n"}
    for name, text in texts.items():
        (folder / name).write_bytes(text)
    before = sorted(folder.iterdir())
    done = portico(folder, "render", "--tunnels", "t.yaml", *line)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in " ".join(done.stderr.split())
    assert "hunter" not in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(folder.iterdir()) == before
    assert len(load(folder / "t.yaml")) == 2
