"""What a reason for a role is, and what the offered tools say."""

from collections.abc import Iterable, Iterator

from msgspec import Struct

CODE, DESIGN, DEVOPS, VISION = "code", "design", "devops", "vision"


class Signal(Struct, frozen=True, gc=False):
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


_EDITING = """
    apply_diff apply_patch codebase_search create_file edit edit_file insert_edit_into_file
    list_code_definition_names multi_edit multiedit notebook_edit read_file replace_in_file
    run_tests str_replace str_replace_based_edit_tool str_replace_editor write write_file
    write_to_file
"""
_RUNNING = """
    bash docker exec_command execute_command kubectl local_shell run_bash run_command
    run_in_terminal run_shell run_shell_command run_terminal_cmd shell ssh terminal terraform
"""
TOOLS = {CODE: frozenset(_EDITING.split()), DEVOPS: frozenset(_RUNNING.split())}
"""Names agents give their tools. A chat UI's own tools are always offered and mean nothing."""


def tools(names: Iterable[str]) -> Iterator[Signal]:
    """Yield what the offered tools say, which is little: agents that edit also have a shell."""
    offered = {name.lower() for name in names}
    if offered & TOOLS[CODE]:
        yield Signal("tools edit files", CODE, 0.8)
    elif offered & TOOLS[DEVOPS]:
        yield Signal("tools run commands", DEVOPS, 0.8)
