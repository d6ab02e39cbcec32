"""Ways to say "this machine" or "this network" that have fooled somebody."""

_NUMBERS = """
    127.0.0.1 127.1 127.0.1 2130706433 0177.0.0.1 0x7f.1 0x7f000001 0X7F.0.0.1 017700000001
    00000177.0.0.01 127.0.0.1. １２７.０.０.１ ①②⑦.⓪.⓪.① 127。0。0。1 127．0．0．1 127｡0｡0｡1
    0 0.0.0.0 0x0 [::1] [::] [0:0:0:0:0:0:0:1] [::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1]
    [64:ff9b::7f00:1] [2002:7f00:1::] [::ffff:0:7f00:1] [fe80::1%25lo] [fe80::1%lo] [::1%lo]
"""

_NAMES = """
    localhost LOCALHOST localhost. ⓛocalhost a.localhost printer.local metadata.google.internal
    router.home.arpa host.docker.internal nas.lan redis.default.svc wiki.intranet x.onion
    1.0.0.127.in-addr.arpa localhost.localdomain intranet db %6cocalhost 127.0.0.%31 a%2eexample
    a.example%00.b.example 1.2.3.4.5 127.0.0.256 4294967296 127.0.0.09 1.example.0x7f -a.example
    a-.example a!b.example *.example [127.0.0.1] [v1.example] [localhost]
"""

INSIDE = _NUMBERS.split() + _NAMES.split()
"""Hosts, as they stand in a URL."""

TRICKS = [f"http://{host}:{{port}}/secret" for host in INSIDE]
"""URLs that would reach 127.0.0.1 or the like for somebody who reads them carelessly."""

TRICKS += [
    "http://outside.example@127.0.0.1:{port}/",
    "http://127.0.0.2:{port}@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@127.0.0.2:{port}/",
    "http://127.0.0.1:{port}?@127.0.0.2:{port}/",
    "http://127.0.0.2:{port}\\@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@127.0.0.2:{port}/",
    "http:\\\\127.0.0.1:{port}\\",
    "http:/\\127.0.0.1:{port}/",
    "http:/127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "HTTP://LOCALHOST:{port}/",
    "http://127.0.0.1:{port}\t/",
    "http://127.0.0\t.1:{port}/",
    "http://127.0.0.1\n:{port}/",
    " http://127.0.0.1:{port}/",
    "\x00http://127.0.0.1:{port}/",
    "http://127.0.0.\u00ad1:{port}/",
    "http://127.0.0.\u200b1:{port}/",
    "http://127.0.0.1 127.0.0.2:{port}/",
    "http://127.0.0.1%20:{port}/",
    "http://127.0.0.1\uff0f@127.0.0.2:{port}/",
    "http://127.0.0.1,127.0.0.2:{port}/",
    "http://127.0.0.1:0{port}/",
    "https://127.0.0.1:{port}/",
    "ws://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/_GET",
    "file://127.0.0.1:{port}/etc/passwd",
    "file:///etc/passwd",
    "jar:http://127.0.0.1:{port}!/",
    "url:http://127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "http://inside.example:{port}/",
    "http://inside.example.:{port}/",
    "http://any.example:{port}/",
    "http://six.example:{port}/",
    "http://anysix.example:{port}/",
    "http://mapped.example:{port}/",
    "http://compatible.example:{port}/",
    "http://translated.example:{port}/",
    "http://tunnelled.example:{port}/",
    "http://zone.example:{port}/",
    "http://private.example:{port}/",
    "http://metadata.example:{port}/latest/meta-data/",
    "http://first-good.example:{port}/",
    "http://last-good.example:{port}/",
]

WHERE = {
    "inside.example": ["127.0.0.1"],
    "any.example": ["0.0.0.0"],
    "six.example": ["::1"],
    "anysix.example": ["::"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "compatible.example": ["::127.0.0.1"],
    "translated.example": ["64:ff9b::127.0.0.1"],
    "tunnelled.example": ["2002:7f00:1::"],
    "zone.example": ["fe80::1%lo"],
    "private.example": ["10.0.0.1", "192.168.0.1"],
    "metadata.example": ["169.254.169.254"],
    "first-good.example": ["127.0.0.2", "127.0.0.1"],
    "last-good.example": ["127.0.0.1", "127.0.0.2"],
}
"""What a name server of theirs says; 127.0.0.2 stands for what is public."""
