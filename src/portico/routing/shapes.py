"""What the shape of a prompt says about the work it wants: fences, logs, traces, files, symbols."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from portico.routing.signals import CODE, DESIGN, DEVOPS, Signal

EDGE = 600
"""Characters in which single symbols still tell something; further on they are part of a paste."""
PASTED = 0.4
"""How much files, errors and code tell inside a log or a stack trace, which has told already."""


def _table(rows: Mapping[str, Mapping[str, float]], kind: str) -> dict[str, tuple[Signal, ...]]:
    return {
        name: tuple(
            Signal(f"{kind} {names.split()[0]}", role, points) for role, points in at.items()
        )
        for names, at in rows.items()
        for name in names.split()
    }


FENCES = _table(
    {
        "python py python3 ipython": {CODE: 2.0},
        "javascript js node mjs": {CODE: 2.0},
        "typescript ts tsx jsx": {CODE: 2.0},
        "java kotlin kt scala groovy": {CODE: 2.0},
        "go golang": {CODE: 2.0},
        "rust rs": {CODE: 2.0},
        "c cpp c++ h hpp cc": {CODE: 2.0},
        "csharp cs c# fsharp": {CODE: 2.0},
        "php ruby rb perl lua elixir ex erlang haskell hs clojure r julia dart swift": {CODE: 2.0},
        "sql postgresql plpgsql graphql proto": {CODE: 1.6},
        "diff patch": {CODE: 2.0},
        "vue svelte": {CODE: 1.6},
        "css scss less": {DESIGN: 0.8, CODE: 0.6},
        "html svg": {DESIGN: 0.6, CODE: 0.8},
        "json xml": {CODE: 0.4},
        "dockerfile docker containerfile": {DEVOPS: 2.0},
        "bash sh shell zsh console terminal fish powershell ps1": {DEVOPS: 1.8},
        "yaml yml": {DEVOPS: 1.4},
        "hcl terraform tf nginx apache ini conf systemd caddyfile cron promql": {DEVOPS: 2.0},
        "log logs syslog journal": {DEVOPS: 2.4},
        "mermaid plantuml dot": {DESIGN: 1.2},
    },
    "fence",
)
"""Info strings of code fences; the first of a row names the signal."""

FILES = _table(
    {
        "py pyi ipynb": {CODE: 1.0},
        "js mjs ts tsx jsx": {CODE: 1.0},
        "java kt scala": {CODE: 1.0},
        "go rs": {CODE: 1.0},
        "c h cpp hpp cc cs": {CODE: 1.0},
        "rb php swift dart lua ex": {CODE: 1.0},
        "sql proto vue svelte": {CODE: 0.8},
        "css scss html": {CODE: 0.4, DESIGN: 0.4},
        "yml yaml toml": {DEVOPS: 0.7},
        "sh tf tfvars conf service timer": {DEVOPS: 1.2},
        "log": {DEVOPS: 1.2},
        "fig sketch psd xd": {DESIGN: 1.0},
    },
    "file",
)


SHAPES: Mapping[str, tuple[Mapping[str, float], tuple[str, ...]]] = {
    "diff": ({CODE: 2.2}, (r"diff --git ", r"@@ -\d", r"--- a/", r"\+\+\+ b/")),
    "stack trace": (
        {CODE: 2.0},
        (
            r"Traceback \(most",
            r"at [\w.$<>/]+ ?\(",
            r"File \"[^\"\n]*\", line \d",
            r"Exception in thread",
            r"thread '",
            r"goroutine \d",
            r"panic: ",
            r"Caused by: ",
        ),
    ),
    "system log": (
        {DEVOPS: 2.8},
        (
            r"<\d+>[A-Z][a-z]{2} [ \d]\d ",
            r"[A-Za-zА-Яа-я]{3} [ \d]\d \d\d:\d\d:\d\d ",
            r"\[ *\d+\.\d{6}\]",
            r"[IWEF]\d{4} \d\d:\d\d:",
        ),
    ),
    "access log": ({DEVOPS: 2.6}, (r"\d{1,3}(?:\.\d{1,3}){3} - \S+ \[",)),
    "timestamped log": (
        {DEVOPS: 1.8},
        (
            r"\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d",
            r"[\w.-]{1,30} *\| \[?\d{4}-\d\d-\d\d",
            r"\[?\d\d:\d\d:\d\d[\]., ]",
            r"\{\"(?:level|severity|time|ts|timestamp)\":",
            r"(?:level|time|ts)=\S",
            r"\[?(?:ERROR|WARN|WARNING|FATAL|SEVERE|CRITICAL)(?:\]|:| \[| -)",
        ),
    ),
    "Dockerfile": (
        {DEVOPS: 2.0},
        (
            r"FROM [\w./-]+:",
            r"RUN [a-z]",
            r"WORKDIR /",
            r"ENTRYPOINT",
            r"CMD \[",
            r"EXPOSE \d",
            r"COPY (?:--|\. )",
        ),
    ),
    "manifest": (
        {DEVOPS: 2.0},
        (
            r"services:",
            r"apiVersion: ",
            r"kind: [A-Z]",
            r"image: \S",
            r"- (?:uses|hosts|job_name): ",
            r"stages:",
            r"(?:resource|provider|variable|module) \"",
        ),
    ),
    "unit or server configuration": (
        {DEVOPS: 2.2},
        (
            r"\[(?:Unit|Service|Install|Timer|Interface|Peer)\]",
            r"server \{",
            r"upstream \w+ \{",
            r"location \S+ \{",
            r"proxy_pass ",
        ),
    ),
    "shell": (
        {DEVOPS: 1.8},
        (
            r"\$ \S",
            r"\w+@[\w.-]+:[^\n]{0,40}[$#] ",
            r"#!/(?:usr/)?bin/(?:env )?(?:ba|z)?sh",
            r"(?:sudo|docker|kubectl|systemctl|journalctl|apt|apt-get|helm|ssh|rsync|chmod) [-\w]",
        ),
    ),
    "source code": (
        {CODE: 1.8},
        (
            r"def \w+\(",
            r"async (?:def|function) ",
            r"class \w+[^\n]*[:{(]$",
            r"from [\w.]+ import ",
            r"import [\w{*.]+;?$",
            r"(?:export |default )+",
            r"function\b[^\n]*\(",
            r"(?:const|let|var) [\w{\[]+[^\n]*=",
            r"#include",
            r"(?:public|private|protected|static) [^\n]*[({;]",
            r"(?:pub )?fn \w+",
            r"func [\w(]",
            r"package \w+",
            r"using [\w.]+;",
            r"(?:if|for|while|switch) ?\(",
            r"for \w+ in [^\n]+:",
            r"return\b[^\n]*;$",
            r"(?:SELECT|INSERT INTO|CREATE TABLE|ALTER TABLE) ",
        ),
    ),
    "style sheet": (
        {DESIGN: 0.8, CODE: 0.5},
        (
            r"[.#@:]?[\w-]+(?: [.\w-]+)? \{$",
            r"(?:color|padding|margin|font|display|gap|width)[\w-]*: [^;\n]+;$",
        ),
    ),
    "markup": (
        {DESIGN: 0.5, CODE: 0.6},
        (r"</?(?:div|svg|html|body|button|section|nav|ul|img|span|form|input)\b",),
    ),
}
"""What the start of a line can show, most specific first; each counts once per prompt."""

# The empty group at the end of an alternative says which it was: it leaves the literal at its
# beginning in front, where the matcher can reject a line by one character.
_LINE = re.compile(
    "^[ \\t]*(?:"
    + "|".join(f"{start}()" for _, starts in SHAPES.values() for start in starts)
    + ")",
    re.MULTILINE,
)
_NAMES = [name for name, (_, starts) in SHAPES.items() for _ in starts]
LOGS = frozenset({"system log", "access log", "timestamped log"})
TRACE = frozenset({"stack trace"})

# Each begins with a literal or a small set, for the same reason.
_FILE = re.compile(
    r"\.(?<=[\w*]\.)(" + "|".join(sorted(FILES, key=len, reverse=True)) + r")\b(?!\()"
)
_SYMBOLS = (
    (Signal("symbol call()", CODE, 1.0), r"\(\)(?<=[a-z]\(\))"),
    (
        Signal("symbol SomeError", CODE, 1.4),
        r"E(?:rror(?<=[a-z]Error)|xception(?<=[a-z]Exception))\b",
    ),
    (
        Signal("symbol /etc or /var", DEVOPS, 1.4),
        r"/(?:etc|var|usr|opt|dev|proc|sys|tmp|mnt|srv)(?<=[ \"'`(]/...)\b",
    ),
)
_NEAR_SYMBOLS = (
    (Signal("symbol O(n)", CODE, 1.4), r"O\((?:1|[nNkm]|log)"),
    (Signal("symbol language", CODE, 1.4), r"[C.JT](?:(?<=\bC)(?:\+\+|#)|NET\b|(?<=\b.)S\b)"),
    (
        Signal("symbol operator", CODE, 1.2),
        r"=(?<= =) [\w\[{\"']|[=!]=(?<![=!]..)=?(?!=)|=> |->|::|[-+*/&|^%](?<=\w .)=",
    ),
    (Signal("symbol pattern", CODE, 1.2), r"\\[dwsb][+*]|\(\?[:=!<]|\^\(|\.\*[)?]|\]\+"),
    (
        Signal("symbol call or index", CODE, 1.2),
        r"[(\[](?<=[a-z_][(\[])(?:[\w'\":.-]*[)\]]|['\"])",
    ),
    (
        Signal("symbol identifier", CODE, 0.8),
        r"_(?<=[a-z]_)[a-z]|\.(?<=[a-z]\.)[a-z]{2,20}\(|[A-Z](?<=[a-z][A-Z])[a-z]+[A-Z][a-z]",
    ),
    (Signal("symbol camelCase", CODE, 0.8), r"\b[a-z]{2,20}[A-Z][a-z]"),
    (Signal("symbol inline code", CODE, 0.8), r"`[^`\n]{1,60}`"),
    (Signal("symbol address", DEVOPS, 1.4), r"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b|localhost:\d"),
    (Signal("symbol command option", DEVOPS, 1.0), r" -(?:-[a-z][\w-]+|[a-zA-Z]{1,3} )|\* \* \*"),
    (Signal("symbol size", DEVOPS, 0.7), r"\d ?(?:[KMGT]i?B?|rps|vCPU)\b"),
)
_ANYWHERE = [(re.compile(pattern), signal) for signal, pattern in _SYMBOLS]
_NEAR = [(re.compile(pattern), signal) for signal, pattern in _NEAR_SYMBOLS]


def structure(text: str) -> list[Signal]:
    """Return what the fences, line shapes, file names and symbols of *text* say; it is bounded."""
    lines = Counter(_NAMES[(match.lastindex or 1) - 1] for match in _LINE.finditer(text))
    logs = [signal for name in LOGS & lines.keys() for signal in _shape(name, lines[name])]
    traces = [signal for name in TRACE & lines.keys() for signal in _shape(name, lines[name])]
    others = lines.keys() - LOGS - TRACE
    inside = [signal for name in others for signal in _shape(name, lines[name])]
    inside += [signal for suffix in set(_FILE.findall(text)) for signal in FILES[suffix]]
    inside += [signal for symbol, signal in _ANYWHERE if symbol.search(text)]
    near = text[:EDGE]
    inside += [signal for symbol, signal in _NEAR if symbol.search(near)]
    if logs or traces:
        inside = [signal.faded(PASTED, "pasted") for signal in inside]
    if logs:
        traces = [signal.faded(PASTED, "pasted") for signal in traces]
    return [*_fences(text), *logs, *traces, *inside]


def _shape(name: str, lines: int) -> Iterator[Signal]:
    for role, points in SHAPES[name][0].items():
        yield Signal(f"shape {name}", role, points * 1.3 if lines > 2 else points)


def _fences(text: str) -> Iterator[Signal]:
    languages = [block.split("\n", 1)[0].strip().lower() for block in text.split("```")[1::2]]
    for place, language in enumerate(dict.fromkeys(languages)):
        for signal in FENCES.get(language, ()):
            # What is shown first is what is asked about; the rest is usually context.
            yield signal.faded(0.5) if place else signal
