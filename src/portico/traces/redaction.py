"""
What must not be in a trace, masked before it is written: secrets by their looks or by name.

Texts are looked at decoded, never as JSON: an escape before a key would hide its beginning.
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

MASK = "[redacted]"
DEEPEST = 200
"""Nested values that are looked into; what lies deeper is left out."""
STEP, REACH = 16_384, 4_096
"""Characters that are looked through in one go: some milliseconds, in which nobody is served."""
LEAST = 6
"""Characters of a secret of our own; a shorter one is in every text."""

_START = r"(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))"  # also after an escape in an escape
_VALUE = r"[^\s\"'\\,;&@]{4,}"

_FAMILIES: tuple[tuple[tuple[str, ...], re.Pattern[str]], ...] = (
    (
        ("private key",),
        re.compile(
            r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----"
            r"(?:(?!-----END).)*(?:-----END[ A-Z0-9]*-----)?",
            re.DOTALL,
        ),
    ),
    (
        ("bearer ",),
        re.compile(rf"(?P<keep>bearer\s+){_VALUE}", re.IGNORECASE),
    ),
    (
        (
            *("passw", "passphrase", "pwd", "secret", "cookie", "authorization"),
            *("apikey", "api_key", "api-key", "api key", "_token", "-token", "authtoken"),
        ),
        re.compile(
            r"(?P<keep>(?:passw(?:or)?d|passphrase|\bpwd|secret|cookie|authorization|api[-_ ]?key"
            r"|(?:access|refresh|auth|session|id|bot|api|github|bearer)[-_]?token)"
            rf"""\\*["']?\s*[:=]\s*\\*["']?(?:(?:bearer|basic)\s+)?){_VALUE}""",
            re.IGNORECASE,
        ),
    ),
    (
        ("key=", "token=", "sig=", "signature=", "credential="),
        re.compile(
            r"(?P<keep>[?&](?:[a-z_-]*key|[a-z_-]*token|sig|[a-z-]*(?:signature|credential))=)"
            rf"{_VALUE}",
            re.IGNORECASE,
        ),
    ),
    (("://",), re.compile(rf"""(?P<keep>://)(?=[^/\s@"']{{1,256}}@){_VALUE}""")),
    (
        ("sk-", "pk-", "rk-", "k_live_", "k_test_"),  # ours, OpenAI's, SiliconFlow's, Stripe's
        re.compile(rf"{_START}[spr]k(?:-|_live_|_test_)[A-Za-z0-9_-]{{8,}}"),
    ),
    (("aiza",), re.compile(rf"{_START}AIza[A-Za-z0-9_-]{{10,}}")),  # Google's
    (
        ("eyj",),  # JSON web tokens; what only begins like one is passed over whole, and kept
        re.compile(rf"{_START}eyJ[\w-]{{8,}}+(?:\.[\w-]+(?:\.[\w-]+)?|(?P<spared>))", re.ASCII),
    ),
    (("akia", "asia"), re.compile(rf"{_START}(?:AKIA|ASIA)[A-Z0-9]{{12,}}")),  # Amazon's
    (
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "hf_", "xox"),
        re.compile(
            rf"{_START}(?:gh[pousr]_|github_pat_|glpat-|hf_|xox[abeprs]-)[\w-]{{8,}}", re.ASCII
        ),
    ),
    (
        ("ss://", "trojan://"),  # share links are keys
        re.compile(rf"""{_START}(?:vless|vmess|trojan|ss)://[^\s"'\\]+""", re.IGNORECASE),
    ),
)
"""
What can only be there where one of its hints is, in lower case, and how it looks.

Each reads a text in a time that grows as the text does: while it looks, nobody else is served.
"""

_DATA = re.compile(  # but not what refers to a picture
    r"(?P<keep>data:[^\s\"'\\,]{0,200};base64,)(?!(?:picture|shown):\d)[\w+/=%-]*", re.ASCII
)
_RUN = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{100,}={0,2}")
_WRAPPED = re.compile(  # each run is tried from its beginning only, and given back to nobody
    r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{60,}+\r?\n\s*+"
    r"(?:[A-Za-z0-9+/]{60,76}+\r?\n\s*+)+[A-Za-z0-9+/]*={0,2}"
)
_NAMED = re.compile(
    r"(?:x[-_])?(?:[a-z]+[-_])?(?:api[-_]?key|password|passwd|passphrase|secret|private[-_]?key"
    r"|cookie|authorization|(?:access|refresh|auth|session|id|bot|api)[-_]?token"
    r"|client[-_]?secret|secret[-_]?(?:access[-_]?)?key)",
    re.IGNORECASE,
)

_GATE = tuple(
    re.compile(looks)
    for looks in (
        rb"k(?:-(?<=[prs]k-)|ey|ie(?<=cookie)|en(?<=token)(?!s))",
        rb"z(?:(?<=authoriz))",
        rb"_(?:live_|test_|pat_(?<=github_pat_)|(?<=hf_)|(?<=gh[pousr]_))",
        rb"=(?:(?<=sig=)|(?<=ature=)|(?<=credential=))",
        rb"p(?:ass[wp]|at-(?<=glpat-))",
        rb"b(?:earer |ase64,(?!(?:picture|shown):\d))",
        rb"w(?:d(?<=pwd))",
        rb"j(?<=eyj)",
        rb"x(?:ox)",
        rb"c(?:ret(?<=secret))",
        rb":(?://(?<=ss://))",
    )
)
"""
What is in whatever a family finds, in lower case, and but for that in few texts.

Each begins with one letter that is not frequent: Python looks for that as quickly as memory can be
read, and for the rest only where it is. That is a third of what looking for each word would take.
"""

_CAPITALS = re.compile(rb"A(?:KIA|SIA|Iza)")
"""The same of what is always written like this: a capital is rarer than its letter."""

_RUNS = bytes(
    97 if chr(code).isascii() and (chr(code).isalnum() or chr(code) in "+/_-=") else 32
    for code in range(256)
)
_WRAP = b"a" * 60
_SUM = re.compile(rb'"[0-9a-f]{64}"')
"""A checksum that is all of a string, as every picture has: too short, and by itself no file."""


def replaced(
    looks: re.Pattern[str],
    by: Callable[[re.Match[str]], str],
    text: str,
    step: int = STEP,
    reach: int = REACH,
) -> str:
    """
    Return `looks.sub(by, text)`, looked for in steps: nobody else is served during one.

    What *looks* has to see before it can tell is at most *reach* characters long; what it finds may
    be longer.
    """
    if len(text) <= step:
        return looks.sub(by, text)
    parts: list[str] = []
    at = kept = 0
    while at < len(text):
        end = at + step + reach
        found = looks.search(text, at, end)
        if found is not None and found.end() >= end:
            found = looks.match(text, found.start())
        if found is None or found.start() >= at + step:  # the next step sees more of that
            at += step
            continue
        parts += (text[kept : found.start()], by(found))
        at = kept = found.end()
    return "".join((*parts, text[kept:]))


@dataclass(slots=True)
class Redactor:
    """
    Masks secrets in values; `known` are those of our own configuration, masked as they are.

    `masked` counts what was masked, `held` the files in base64 that were left out.
    """

    known: Collection[str] = ()
    masked: int = 0
    held: int = 0
    _known: tuple[str, ...] = field(init=False)
    _encoded: list[bytes] = field(init=False)

    def __post_init__(self) -> None:
        found = {one for one in self.known if len(one) >= LEAST}
        self._known = tuple(sorted(found, key=len, reverse=True))  # what holds another goes first
        self._encoded = [one.encode() for one in self._known]

    def suspect(self, text: bytes) -> bool:
        """
        Return False where nothing in the JSON *text* can need masking.

        It has to be free of escapes for what needs none: what msgspec writes is.
        """
        lowered = text.lower()
        for looks in _GATE:
            if looks.search(lowered) is not None:
                return True
        if _CAPITALS.search(text) is not None or (b"@" in text and b"://" in text):
            return True
        return self.telling(text)

    def telling(self, text: bytes) -> bool:
        """Return True if *text* holds a long run of base64, or a secret of our own."""
        if _WRAP in text.translate(_RUNS) and _WRAP in _SUM.sub(b'""', text).translate(_RUNS):
            return True
        return any(secret in text for secret in self._encoded)

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return *value*, of JSON, with everything masked in it."""
        if isinstance(value, str):
            return self.text(value)
        if depth > DEEPEST:
            self.masked += 1
            return MASK
        if isinstance(value, list):
            return [self.value(one, depth + 1) for one in value]
        if isinstance(value, dict):
            return {
                self.text(name): self._member(name, one, depth + 1) for name, one in value.items()
            }
        return value

    def _member(self, name: str, value: Any, depth: int) -> Any:
        if isinstance(value, str) and len(value) > 3 and _NAMED.fullmatch(name):
            self.masked += 1
            return MASK
        return self.value(value, depth)

    def text(self, text: str) -> str:
        """Return *text* with everything masked in it."""
        for secret in self._known:
            if secret in text:
                self.masked += text.count(secret)
                text = text.replace(secret, MASK)
        lowered = text.lower()
        if "base64," in lowered:
            text = replaced(_DATA, self._file, text)
        for hints, looks in _FAMILIES:
            for hint in hints:
                if hint in lowered:
                    text = replaced(looks, self._mask, text)
                    break
        if len(text) >= 60 and _WRAP in text.encode(errors="replace").translate(_RUNS):
            text = replaced(_RUN, self._file, replaced(_WRAPPED, self._file, text))
        return text

    def _mask(self, found: re.Match[str]) -> str:
        if found.lastgroup == "spared":
            return found[0]
        self.masked += 1
        return found.groupdict().get("keep", "") + MASK

    def _file(self, found: re.Match[str]) -> str:
        keep = found.groupdict().get("keep") or ""
        held = found[0][len(keep) :]
        if keep and not held:
            return found[0]
        self.held += 1
        return f"{keep}[{len(held) * 3 // 4} bytes]"
