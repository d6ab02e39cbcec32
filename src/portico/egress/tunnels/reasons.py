"""Why a tunnel is refused, and what an operator should know about one that is not."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """One reason for a refusal; the value is its sentence. `{about}` is never a secret."""

    # -- the link
    TOO_LONG = "the link is longer than 8,192 characters"
    NOT_PRINTABLE = "the link holds spaces, control characters or letters outside ASCII"
    UNKNOWN_SCHEME = "a link begins with vless:// or ss://"
    SUBSCRIPTION = "this is the address of a subscription; import the links that it leads to"
    BAD_ESCAPE = "a percent sign is not followed by an escaped UTF-8 character"
    BAD_NAME = "the tunnel's name holds control characters"
    NO_USER = "nothing stands before the server's address"
    AMBIGUOUS_USER = "there is more than one @ before the parameters; escape those of a password"
    UNEXPECTED_PATH = "something stands between the port and the parameters"
    BAD_QUERY = "the parameters are not name=value, joined by &"
    REPEATED_PARAMETER = "the parameter {about} is given twice"
    EMPTY_PARAMETER = "the parameter {about} is empty; leave it out or give it a value"
    MISSING_PARAMETER = "the parameter {about} is missing"
    UNSUPPORTED_PARAMETER = "the parameter {about} changes the tunnel in a way we cannot render"
    NOT_BASE64 = "what stands before the address is neither method:password nor its base64"
    # -- the server's address
    MISSING_HOST = "the server's address is missing"
    BAD_HOST = "the server's address is no host name and no IP address (IPv6 goes in brackets)"
    MISSING_PORT = "the server's port is missing"
    BAD_PORT = "a port is a number from 1 to 65535"
    # -- VLESS
    BAD_UUID = "a VLESS user is a UUID, written 8-4-4-4-12"
    UNSUPPORTED_ENCRYPTION = "of VLESS encryption only `none` is supported, inside TLS or REALITY"
    UNSUPPORTED_FLOW = "the only flow is xtls-rprx-vision"
    FLOW_MISPLACED = "the flow xtls-rprx-vision needs plain TCP, and TLS or REALITY"
    UNSUPPORTED_TRANSPORT = "the transport is one of tcp, ws, grpc and xhttp"
    BAD_PATH = "a path begins with / and holds printable ASCII without spaces"
    BAD_SERVICE = "a gRPC service name or authority holds printable ASCII without spaces"
    BAD_MODE = "the transport has no such mode"
    BAD_EXTRA = "of XHTTP's extra only number ranges for padding and posts are supported"
    UNSUPPORTED_SECURITY = "the security is one of none, tls and reality"
    UNPROTECTED = "security=none leaves the tunnel readable; it is for private IP addresses only"
    INSECURE = "{about} would accept anybody's certificate; name the right server instead"
    REALITY_MISPLACED = "REALITY goes with tcp, grpc and xhttp only"
    BAD_SNI = "the server name of TLS is no host name and no IP address"
    BAD_ALPN = "the ALPN is one or both of h2 and http/1.1"
    ALPN_MISPLACED = "a WebSocket needs http/1.1 among its ALPN, and gRPC h2"
    BAD_FINGERPRINT = "the TLS fingerprint is not one that both engines know"
    BAD_PUBLIC_KEY = "a REALITY public key is 32 bytes in base64url: 43 characters"
    BAD_SHORT_ID = "a REALITY short id has up to 16 hexadecimal digits, an even number of them"
    BAD_SPIDER = "REALITY's spiderX is a path that begins with /"
    # -- Shadowsocks
    PLUGIN = "Shadowsocks plugins are not supported: {about}"
    NO_CIPHER = "a Shadowsocks tunnel without encryption protects nothing"
    STREAM_CIPHER = "stream ciphers can be read and changed on the way; take an AEAD method"
    UNKNOWN_CIPHER = "the Shadowsocks method is not one of those that we support"
    MISSING_PASSWORD = "the Shadowsocks password is missing"
    BAD_PASSWORD = "the Shadowsocks password holds control characters"
    BAD_KEY = "a key of Shadowsocks 2022 is base64 of exactly as many bytes as its method says"
    KEY_CHAIN = "this method of Shadowsocks 2022 takes a single key"
    # -- the sidecar
    ENGINE_CANNOT = "{about}"
    UNKNOWN_ENGINE = "the engines are xray and sing-box"
    NO_TUNNELS = "there is no tunnel to render"
    BAD_LABEL = "a tunnel is named by up to 32 of a-z, 0-9 and -, beginning with one of a-z and 0-9"
    SAME_LABEL = "two tunnels are named {about}"
    SAME_PORT = "two tunnels listen on port {about}"
    KNOWN_ALREADY = "this tunnel is already there, as {about}"
    NO_PORT_LEFT = "there is no port left to listen on"
    BAD_LISTENER = "a sidecar listens by http or socks5h, on an IP address"
    OPEN_LISTENER = "a sidecar that listens beyond loopback needs a user and a password"
    BAD_SIGN_IN = (
        "a listener's user and password are printable, up to 255 bytes, no colon in the user"
    )
    NAMED_EXIT = "the server of {about} is given by name, and a sidecar's firewall takes addresses"
    BAD_REACH = "a reach is a host name and a port, as in generativelanguage.googleapis.com:443"


class Refused(ValueError):
    """A tunnel that we do not take. `about` is a name from our own tables or a plain parameter."""

    def __init__(self, reason: Reason, about: str = "") -> None:
        super().__init__(reason.value.format(about=about))
        self.reason = reason
        self.about = about


class Advice(StrEnum):
    """Something to know about a tunnel that is taken; the value is its sentence."""

    NAMED_SERVER = "the server is given by name, which the sidecar looks up; pin its IP address"
    READABLE = "the tunnel is not encrypted; keep it inside a network that you trust"
    ENCODED_2022 = "Shadowsocks 2022 is not written in base64 (SIP022); its link was read anyway"
    UNKNOWN_PARAMETER = "the parameter {about} is unknown and was left out"
    IDLE_PARAMETER = "the parameter {about} means nothing for this kind of tunnel and was left out"


@dataclass(frozen=True, slots=True)
class Caution:
    """One piece of advice and the parameter it is about."""

    advice: Advice
    about: str = ""

    def __str__(self) -> str:
        return self.advice.value.format(about=self.about)
