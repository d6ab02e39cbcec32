import pytest
from hypothesis import given
from hypothesis import strategies as st

from portico.settings.addresses import base_url, header, proxy, shown


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("sqlite:///.portico/ledger.db", "sqlite:///.portico/ledger.db"),
        ("postgresql://u:p@h/d", "postgresql://***@h/d"),
        ("postgresql://u:p@ss/w@h/d?sslmode=require", "postgresql://***@h/d?sslmode=require"),
        ("mongodb://u:p@a:1,b:2/d?authSource=admin", "mongodb://***@a:1,b:2/d?authSource=admin"),
        (
            "s3://b?endpoint=http://m:9000&secret_key=x",
            "s3://b?endpoint=http://m:9000&secret_key=***",
        ),
        ("s3://b?endpoint=http://u:p@m:9000", "s3://***@m:9000"),
        ("socks5h://127.0.0.1:1081", "socks5h://127.0.0.1:1081"),
    ],
)
def test_an_address_is_shown_without_its_credentials(address: str, seen: str) -> None:
    assert shown(address) == seen


@given(st.text(min_size=1), st.sampled_from(["postgresql://u:{}@h/d", "s3://b?secret={}@h"]))
def test_no_password_is_ever_shown(password: str, template: str) -> None:
    marked = f"<{password}>".replace("\n", "").replace("&", "")
    assert marked not in shown(template.format(marked))


@pytest.mark.parametrize("address", ["https://h", "http://127.0.0.1:8000/v1", "https://[::1]:1/x"])
def test_web_addresses_are_base_urls(address: str) -> None:
    assert base_url(address) is None


@pytest.mark.parametrize("address", ["socks5h://h:1", "http://h:1", "socks5h://u:p@h:1"])
def test_proxies_may_carry_credentials(address: str) -> None:
    assert proxy(address) is None


def test_usual_headers_are_possible() -> None:
    assert header("X-Team", "design lab") is None


@given(st.text())
def test_judging_any_text_never_fails(text: str) -> None:
    for judge in (base_url, proxy):
        wrong = judge(text)
        assert wrong is None or all(wrong)
