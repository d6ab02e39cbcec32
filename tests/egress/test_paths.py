import pytest

from portico.egress.paths import Direct, Tunnel, Via, parse_via


@pytest.mark.parametrize(
    ("url", "via"),
    [
        ("socks5h://127.0.0.1:1081", Via("socks5h", "127.0.0.1", 1081)),
        ("http://proxy.lab:3128/", Via("http", "proxy.lab", 3128)),
        ("http://[::1]:3128", Via("http", "::1", 3128)),
        ("socks5h://us%40er:p%3Aw@h:1", Via("socks5h", "h", 1, "us@er", "p:w")),
    ],
)
def test_a_tunnel_is_named_by_an_address(url: str, via: Via) -> None:
    assert parse_via(url) == via


@pytest.mark.parametrize(
    "url",
    [
        "socks5://secret:secret@h:1",  # would resolve names here
        "https://secret:secret@h:1",
        "http://secret:secret@h",
        "http://secret:secret@h:0",
        "http://secret:secret@h:99999",
        "http://secret:secret@:1",
        "http://secret:secret@[::1:1",
        f"http://{'secret' * 50}:x@h:1",
        f"http://x:{'secret' * 50}@h:1",
        "",
    ],
)
def test_an_impossible_tunnel_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(ValueError, match="tunnel") as refused:
        parse_via(url)
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_tunnelled_path_without_a_tunnel_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="names no tunnel"):
        Tunnel("google", ())


def test_no_path_shows_a_password() -> None:
    via = parse_via("http://me:hunter2@h:1")
    assert "hunter2" not in f"{via} {via!r} {Tunnel('t', (via,))!r}"
    assert Direct().name == "direct"
