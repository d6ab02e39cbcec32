"""What the shape of a prompt says about the work it wants: fences, logs, traces, files, tools."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

EDGE = 600
"""Characters in which single symbols still tell something; further on they are part of a paste."""
CODE, DESIGN, DEVOPS, VISION = "code", "design", "devops", "vision"


@dataclass(frozen=True, slots=True)
class Signal:
    """
    One reason for a role. `weight` is in points: 1 is about one telling word.

    `name` is made of our own tables only, never of the caller's text.
    """

    name: str
    role: str
    weight: float

    def faded(self, factor: float, source: str = "") -> "Signal":
        """The same reason, *factor* times as strong, named with where it was found."""
        name = f"{source}: {self.name}" if source else self.name
        return Signal(name, self.role, round(self.weight * factor, 3))


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

SHAPES: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "diff": (r"diff --git |@@ -\d|--- a/|\+\+\+ b/", {CODE: 2.2}),
    "stack trace": (
        r"Traceback \(most|at [\w.$<>/]+ ?\(|File \"[^\"\n]*\", line \d|Exception in thread"
        r"|thread '|goroutine \d|panic: |Caused by: ",
        {CODE: 2.0},
    ),
    "system log": (
        r"(?:<\d+>)?[A-ZА-Я][a-zа-я]{2} [ \d]\d \d\d:\d\d:\d\d "
        r"|\[ *\d+\.\d{6}\]|[IWEF]\d{4} \d\d:\d\d:",
        {DEVOPS: 2.8},
    ),
    "access log": (r"\d{1,3}(?:\.\d{1,3}){3} - \S+ \[", {DEVOPS: 2.6}),
    "timestamped log": (
        r"(?:[\w.-]{1,30} *\| )?\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d"
        r"|\[?\d\d:\d\d:\d\d[\]., ]",
        {DEVOPS: 1.8},
    ),
    "Dockerfile": (
        r"FROM [\w./-]+:|RUN [a-z]|WORKDIR /|ENTRYPOINT|CMD \[|EXPOSE \d|COPY (?:--|\. )",
        {DEVOPS: 2.0},
    ),
    "manifest": (
        r"services:|apiVersion: |kind: [A-Z]|image: \S|- (?:uses|hosts|job_name): |stages:"
        r"|(?:resource|provider|variable|module) \"",
        {DEVOPS: 2.0},
    ),
    "unit or server configuration": (
        r"\[(?:Unit|Service|Install|Timer|Interface|Peer)\]|(?:server|upstream \w+) \{"
        r"|location \S+ \{|proxy_pass ",
        {DEVOPS: 2.2},
    ),
    "shell": (
        r"\$ \S|\w+@[\w.-]+:[^\n]{0,40}[$#] |#!/(?:usr/)?bin/(?:env )?(?:ba|z)?sh"
        r"|(?:sudo|docker|kubectl|systemctl|journalctl|apt|apt-get|helm|ssh|rsync|chmod) [-\w]",
        {DEVOPS: 1.8},
    ),
    "source code": (
        r"(?:async )?def \w+\(|class \w+[^\n]*[:{]$|from [\w.]+ import |import [\w{*.]+;?$"
        r"|(?:export |default |async )*function\b[^\n]*\(|(?:const|let|var) [\w{\[]+[^\n]*="
        r"|#include|(?:public|private|protected|static) [^\n]*[({;]|(?:pub )?fn \w+"
        r"|func [\w(]|package \w+|using [\w.]+;|(?:if|for|while|switch) \(|return\b[^\n]*;$"
        r"|(?:SELECT|INSERT INTO|CREATE TABLE|ALTER TABLE) ",
        {CODE: 1.8},
    ),
    "style sheet": (
        r"[.#@:]?[\w-]+(?: [.\w-]+)? \{$"
        r"|(?:color|padding|margin|font|display|gap|width)[\w-]*: [^;\n]+;$",
        {DESIGN: 0.8, CODE: 0.5},
    ),
    "markup": (
        r"</?(?:div|svg|html|body|button|section|nav|ul|img|span|form|input)\b",
        {DESIGN: 0.5, CODE: 0.6},
    ),
}
"""What the start of a line can show, most specific first; each counts once per prompt."""

_LINE = re.compile(
    r"^[ \t]*(?:" + "|".join(f"({pattern})" for pattern, _ in SHAPES.values()) + ")", re.MULTILINE
)
_SHAPES = [
    tuple(Signal(f"shape {name}", role, points) for role, points in at.items())
    for name, (_, at) in SHAPES.items()
]
LOGS = frozenset(place for place, name in enumerate(SHAPES, start=1) if name.endswith(" log"))
TRACE = 1 + list(SHAPES).index("stack trace")
# Each begins with a literal, which is what makes a search over thousands of characters cheap.
_FILE = re.compile(
    r"\.(?<=[\w*]\.)(" + "|".join(sorted(FILES, key=len, reverse=True)) + r")\b(?!\()"
)
_SYMBOLS = (
    (re.compile(r"\(\)(?<=[a-z]\(\))"), Signal("symbol call()", CODE, 1.0)),
    (
        re.compile(r"E(?:rror(?<=[a-z]Error)|xception(?<=[a-z]Exception))\b"),
        Signal("symbol SomeError", CODE, 1.4),
    ),
    (
        re.compile(r"/(?:etc|var|usr|opt|dev|proc|sys|tmp|mnt|srv)(?<=[ \"'`(]/...)\b"),
        Signal("symbol /etc or /var", DEVOPS, 1.4),
    ),
)
# Searched only where the wish stands, so these may begin with anything.
_INLINE = re.compile(
    r"(?P<O_n>\bO\((?:1|[nNkm]|log))"
    r"|(?P<language>\bC(?:\+\+|#)|\.NET\b|\b[JT]S\b)"
    r"|(?P<operator>\w [-+*/&|^%]= ?|\^\(|\\[dwsb][+*]|(?<![=!])[=!]==?(?!=)|=> |->|::"
    r"|\w = [\w\[{\"']|\w\[[\w'\":.-]+\]"
    r"|\w\(\w*\)|\w\('|\w\(\")"
    r"|(?P<identifier>\b(?:[A-Z][a-z]+){3}|\b[a-z]{2,20}[A-Z][a-z]|\b[a-z]{2,20}_[a-z]"
    r"|\b[a-z]{2,20}\.[a-z]{2,20}\()"
    r"|(?P<quoted>`[^`\n]{1,60}`)"
    r"|(?P<address>\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b|\blocalhost:\d)"
    r"|(?P<option> --[a-z][\w-]+| -[a-zA-Z]{1,3} |\*/\d+ \*|\* \* \*)"
    r"|(?P<size>\b\d+ ?(?:[KMGT]i?B?|rps|vCPU)\b)"
)
_INLINES = {
    "O_n": Signal("symbol O(n)", CODE, 1.4),
    "language": Signal("symbol language", CODE, 1.4),
    "operator": Signal("symbol operator", CODE, 1.2),
    "identifier": Signal("symbol identifier", CODE, 0.8),
    "quoted": Signal("symbol inline code", CODE, 0.8),
    "address": Signal("symbol address", DEVOPS, 1.4),
    "option": Signal("symbol command option", DEVOPS, 1.0),
    "size": Signal("symbol size", DEVOPS, 0.7),
}

TOOLS = {
    CODE: frozenset(
        {"apply_diff", "apply_patch", "create_file", "edit", "edit_file", "insert_edit_into_file"}
        | {
            "multi_edit",
            "multiedit",
            "notebook_edit",
            "read_file",
            "replace_in_file",
            "str_replace",
        }
        | {"str_replace_editor", "str_replace_based_edit_tool", "write", "write_file"}
        | {"write_to_file", "codebase_search", "list_code_definition_names", "run_tests"}
    ),
    DEVOPS: frozenset(
        {"bash", "docker", "execute_command", "exec_command", "kubectl", "local_shell", "run_bash"}
        | {"run_command", "run_in_terminal", "run_shell", "run_shell_command", "run_terminal_cmd"}
        | {"shell", "terminal", "terraform", "ssh"}
    ),
}
"""Names agents give their tools. A chat UI's own tools are always offered and mean nothing."""


def structure(text: str) -> list[Signal]:
    """Return what the fences, line shapes, file names and symbols of *text* say; it is bounded."""
    shown = [*_fences(text)]
    lines = Counter(match.lastindex or 0 for match in _LINE.finditer(text))
    logs = [signal for kind in LOGS & lines.keys() for signal in _shape(kind, lines[kind])]
    inside = [
        signal for kind in lines.keys() - LOGS - {TRACE} for signal in _shape(kind, lines[kind])
    ]
    inside += [signal for suffix in set(_FILE.findall(text)) for signal in FILES[suffix]]
    inside += [signal for symbol, signal in _SYMBOLS if symbol.search(text)]
    said = {match.lastgroup or "" for match in _INLINE.finditer(text[:EDGE])}
    inside += [_INLINES[kind] for kind in said]
    traces = [*_shape(TRACE, lines[TRACE])] if TRACE in lines else []
    if logs or traces:
        # Files, errors and code are then what was pasted, and the paste has told already.
        inside = [signal.faded(0.4, "pasted") for signal in inside]
    if logs:
        traces = [signal.faded(0.4, "pasted") for signal in traces]
    return [*shown, *logs, *traces, *inside]


def _shape(kind: int, lines: int) -> Iterator[Signal]:
    for signal in _SHAPES[kind - 1]:
        yield signal.faded(1.3) if lines > 2 else signal


def _fences(text: str) -> Iterator[Signal]:
    languages = [block.split("\n", 1)[0].strip().lower() for block in text.split("```")[1::2]]
    for place, language in enumerate(dict.fromkeys(languages)):
        for signal in FENCES.get(language, ()):
            # What is shown first is what is asked about; the rest is usually context.
            yield signal.faded(0.5) if place else signal


def tools(names: Iterable[str]) -> Iterator[Signal]:
    """Yield what the offered tools say, which is little: agents that edit also have a shell."""
    offered = {name.lower() for name in names}
    if offered & TOOLS[CODE]:
        yield Signal("tools edit files", CODE, 0.8)
    elif offered & TOOLS[DEVOPS]:
        yield Signal("tools run commands", DEVOPS, 0.8)
