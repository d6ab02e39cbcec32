"""The last line of defence: masks what looks like a secret or a body in any text we print."""

import re

MASK = "[redacted]"

_SECRETS = re.compile(
    r"""
    (?P<keep>
        \bbearer\s+
      | (?:api[-_]?key|authorization|passw(?:or)?d|passphrase|secret|cookie
          |(?:access|refresh|auth|session|bot|api|github)[-_]?token)\\?["']?\s*[:=]\s*\\?["']?
        (?:(?:bearer|basic)\s+)?
      | [?&]key=                                                 # Google's key in a URL
      | ://(?=[^/\s@"']{1,256}@)                                 # user:password@host
    )
    [^\s"'\\,;&@]{4,}
  | data:[^\s"'\\,]{0,100};base64,[a-z0-9+/=_%-]*
  | (?<![a-z0-9+/_-])[a-z0-9+/_-]{100,}={0,2}                    # base64, whatever it was
  | (?<![a-z0-9])(?:sk|pk)-[a-z0-9_-]{8,}                        # OpenAI's, SiliconFlow's, ours
  | \bAIza[a-z0-9_-]{10,}                                        # Google's
  | \beyJ[a-z0-9_-]{8,4000}\.[a-z0-9_-]+(?:\.[a-z0-9_-]+)?           # JSON web tokens
  | (?<![a-z0-9])(?-i:AKIA|ASIA)[a-z0-9]{12,}                    # Amazon's
  | (?<![a-z0-9])(?:gh[opsu]_|github_pat_|hf_|xox[abeprs]-)[\w-]{12,}
  | -----BEGIN[ ](?:[a-z0-9]+[ ])*PRIVATE[ ]KEY-----
    (?:(?!-----END)[\s\S])*(?:-----END[ a-z0-9]*-----)?
  | (?<![a-z0-9])(?:vless|vmess|trojan|ss)://[^\s"'\\]+          # share links are keys
    """,
    re.IGNORECASE | re.VERBOSE,
)


_HINTS = (
    *("bearer", "authorization", "password", "secret", "key", "://", "base64"),
    *("sk-", "pk-", "aiza", "eyj", "passw", "passphrase", "cookie", "token", "akia", "asia"),
    *("gho_", "ghp_", "ghs_", "ghu_", "github_pat_", "hf_", "xox"),
)
_LONG = 100
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{100,}={0,2}")


def redact(text: str) -> str:
    """Return *text* with bearer tokens, keys, passwords in URLs and base64 masked."""
    return _SECRETS.sub(_mask, text) if _suspect(text) else text


def _suspect(text: str) -> bool:
    """Nearly every line holds neither, and the whole expression costs twenty times as much."""
    lowered = text.lower()
    for hint in _HINTS:  # a loop: half of what `any` over a generator takes
        if hint in lowered:
            return True
    return len(text) >= _LONG and _BASE64.search(text) is not None


def _mask(found: re.Match[str]) -> str:
    return (found["keep"] or "") + MASK
