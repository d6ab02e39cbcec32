from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.egress.tunnels.inlets import Inlet
from portico.egress.tunnels.links import link
from portico.egress.tunnels.reasons import Advice, Reason, Refused
from portico.egress.tunnels.store import FIRST_PORT, import_links, load, save, show
from portico.egress.tunnels.values import (
    SECRETS,
    VISION,
    Plain,
    Reality,
    Shadowsocks,
    Tunnel,
    Vless,
)
from portico.errors import ConfigError
from tests.egress.tunnels.strategies import TUNNELS

UUID = "8e47090b-723e-45a9-9a86-4d95b244c2fa"
PUBLIC_KEY = "CtSy54G3k3ipIRiQfJNDa9JdyPAt6jOErx2yZSKqrW4"
REALITY = Reality(PUBLIC_KEY, "www.example.com", "01234567")
ONE = Inlet("sg1", 21001, Vless("203.0.113.7", 443, UUID, REALITY, flow=VISION))
TWO = Inlet("us1", 21002, Shadowsocks("2001:db8::1", 8388, "aes-256-gcm", "correct horse"))


def written(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "tunnels.yaml"
    file.write_text(text)
    file.chmod(mode)
    return file


def said(file: Path) -> str:
    with pytest.raises(ConfigError) as refused:
        load(file)
    assert refused.value.__cause__ is None
    return str(refused.value)


def test_a_file_is_for_its_owner_only_and_gives_back_what_was_saved(tmp_path: Path) -> None:
    file = tmp_path / "tunnels.yaml"
    file.touch(0o644)
    save(file, (ONE, TWO))
    assert file.stat().st_mode & 0o777 == 0o600
    assert load(file) == (ONE, TWO)
    assert list(tmp_path.iterdir()) == [file]


@given(tunnels=st.lists(TUNNELS, min_size=1, max_size=3))
def test_every_tunnel_is_the_same_after_the_file(
    tmp_path_factory: pytest.TempPathFactory, tunnels: list[Tunnel]
) -> None:
    file = tmp_path_factory.mktemp("store") / "tunnels.yaml"
    inlets = tuple(Inlet(f"t{n}", 21001 + n, tunnel) for n, tunnel in enumerate(tunnels))
    save(file, inlets)
    assert load(file) == inlets


@pytest.mark.parametrize("password", ["a\x85b", "a\u2028b", "\ufeffpass", "пароль", "'\"\\: #"])
def test_a_password_of_rare_letters_is_the_same_after_the_file(
    tmp_path: Path, password: str
) -> None:
    inlet = Inlet("one", 21001, Shadowsocks("203.0.113.7", 443, "aes-256-gcm", password))
    save(tmp_path / "tunnels.yaml", (inlet,))
    assert load(tmp_path / "tunnels.yaml") == (inlet,)


def test_what_cannot_be_saved_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "tunnels.yaml"
    save(file, (ONE,))
    with pytest.raises(Refused):
        save(file, (ONE, ONE))
    assert load(file) == (ONE,)
    with pytest.raises(OSError, match="directory"):
        save(tmp_path / "absent" / "tunnels.yaml", (ONE,))
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(OSError, match="directory"):
        save(folder, (ONE,))
    assert sorted(tmp_path.iterdir()) == [folder, file]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o622])
def test_a_file_that_others_may_read_is_refused_with_its_remedy(tmp_path: Path, mode: int) -> None:
    assert "chmod 600" in said(written(tmp_path, "tunnels: []", mode))


def test_a_file_by_hand_needs_only_what_has_no_default(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        f"""\
tunnels:
- name: lan
  port: 21009
  tunnel: {{kind: vless, address: 10.0.0.7, port: 80, uuid: {UUID}, security: {{kind: none}}}}
""",
    )
    assert load(file) == (Inlet("lan", 21009, Vless("10.0.0.7", 80, UUID, Plain())),)


GOOD = f"""\
tunnels:
- name: sg1
  port: 21001
  tunnel:
    {{kind: vless, address: 203.0.113.7, port: 443, uuid: {UUID},
     security: {{kind: tls, sni: a.test}}}}
- name: us1
  port: 21002
  tunnel:
    kind: shadowsocks
    address: 203.0.113.8
    port: 443
    method: aes-256-gcm
    password: correct-horse
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("port: 443, uuid", "port: 0, uuid", "tunnels[0]: a port is a number from 1 to 65535"),
        ("kind: tls, sni: a.test", "kind: none", "tunnels[0]: security=none leaves"),
        ("aes-256-gcm", "rc4-md5", "tunnels[1]: stream ciphers"),
        ("kind: vless", "kind: correct-horse", "tunnels[0]: Invalid value - at `$.tunnel.kind`"),
        ("sni: a.test", "sni: a.test, insecure: true", "unknown field `insecure`"),
        ("password: correct-horse", "password: 12345678", "Expected `str`, got `int`"),
        ("name: us1", "name: sg1", "tunnels: two tunnels are named sg1"),
        ("port: 21002", "port: 21001", "tunnels: two tunnels listen on port 21001"),
        ("name: us1", "name: US 1", "tunnels[1]: a tunnel is named by"),
        ("  port: 21002\n", "", "missing required field `port`"),
        ("password: correct-horse", "password: [correct-horse", ":15: is not YAML"),
        ("password: correct-horse", "password: !!python/name:correct-horse.x ''", "is not YAML"),
        ("password: correct-horse", "password: \x01correct-horse", "is not YAML"),
        ("tunnels:", "tunnel:", "does not hold `tunnels` alone"),
    ],
)
def test_a_fault_is_told_by_its_place_and_without_its_value(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert GOOD.count(old) == 1
    told = said(written(tmp_path, GOOD.replace(old, new)))
    assert words in told
    assert "correct-horse" not in told
    assert "12345678" not in told
    assert UUID not in told


def test_every_faulty_tunnel_is_told_at_once(tmp_path: Path) -> None:
    told = said(written(tmp_path, GOOD.replace("port: 443", "port: 0")))
    assert "tunnels[0]" in told
    assert "tunnels[1]" in told


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "does not hold"),
        ("tunnels: {}", "is no list"),
        ("tunnels: []", "there is no tunnel"),
        ("- " * 2000, "is not YAML"),
        ("#" * 1_000_001, "larger than"),
        ("tunnels: 2024-99-99\n", "is not YAML"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str, words: str) -> None:
    assert words in said(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in said(tmp_path / "tunnels.yaml")


def test_links_become_inlets_with_names_and_ports_of_their_own() -> None:
    third = Vless("192.168.1.9", 80, UUID, Plain())
    text = "\n".join(
        [
            "# my links",
            "",
            f"  {link(ONE.tunnel, '🇸🇬 SG — fast!')}\r",
            link(TWO.tunnel, "sg fast"),
            link(third),
        ]
    )
    imported = import_links(
        text, (Inlet("other", FIRST_PORT, Shadowsocks("a.test", 1, "aes-128-gcm", "x")),)
    )
    assert imported.inlets == (
        Inlet("sg-fast", FIRST_PORT + 1, ONE.tunnel),
        Inlet("sg-fast-2", FIRST_PORT + 2, TWO.tunnel),
        Inlet("tunnel", FIRST_PORT + 3, third),
    )
    assert [(name, caution.advice) for name, caution in imported.cautions] == [
        ("tunnel", Advice.READABLE)
    ]
    assert not imported.refused


def test_a_refused_link_is_told_by_its_line_and_the_others_are_taken() -> None:
    text = f"trojan://correct-horse@a.test:1\n{link(ONE.tunnel, 'sg1')}\n{link(ONE.tunnel)}\n"
    imported = import_links(text)
    assert imported.inlets == (ONE,)
    assert [(line, error.reason) for line, error in imported.refused] == [
        (1, Reason.UNKNOWN_SCHEME),
        (3, Reason.KNOWN_ALREADY),
    ]
    assert "correct-horse" not in repr(imported)


def test_links_without_a_port_left_are_refused() -> None:
    known = tuple(Inlet(f"t{port}", port, TWO.tunnel) for port in range(FIRST_PORT, 65536))
    ((_, error),) = import_links(link(ONE.tunnel), known).refused
    assert error.reason is Reason.NO_PORT_LEFT


@given(st.lists(TUNNELS, min_size=1, max_size=3), st.text(max_size=20))
def test_any_names_that_links_give_become_distinct_ones(tunnels: list[Tunnel], name: str) -> None:
    imported = import_links("\n".join(link(tunnel, name) for tunnel in tunnels))
    names = [inlet.name for inlet in imported.inlets]
    assert len(set(names)) == len(names)


def test_what_is_shown_tells_everything_but_secrets() -> None:
    lan = Inlet("lan", 21003, Vless("10.0.0.7", 80, UUID, Plain()))
    assert show((ONE, TWO, lan)).splitlines() == [
        "sg1: port 21001, vless to 203.0.113.7:443 over tcp, reality as www.example.com, "
        "xtls-rprx-vision [xray, sing-box]",
        "us1: port 21002, shadowsocks to [2001:db8::1]:8388, aes-256-gcm [xray, sing-box]",
        "lan: port 21003, vless to 10.0.0.7:80 over tcp, none [xray, sing-box]",
        "  note: the tunnel is not encrypted; keep it inside a network that you trust",
    ]


@given(TUNNELS)
def test_no_secret_is_ever_shown(tunnel: Tunnel) -> None:
    shown = show((Inlet("one", 21001, tunnel),))
    for value in (tunnel, getattr(tunnel, "security", None)):
        for name in SECRETS:
            secret = getattr(value, name, "")
            assert len(secret) < 12 or secret not in shown
