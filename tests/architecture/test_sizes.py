"""Small rooms: what does not fit on a few screens is split."""

import ast
from collections.abc import Iterator
from pathlib import Path

FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 70
PARAMETERS_MAX = 7


def too_big(name: str, text: str) -> Iterator[str]:
    lines = text.count("\n")
    if lines > FILE_LINES_MAX:
        yield f"{name}: {lines} lines, at most {FILE_LINES_MAX}"
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > FUNCTION_LINES_MAX:
            yield f"{name}:{node.lineno}: {node.name} has {length} lines, at most {FUNCTION_LINES_MAX}"
        given = [argument.arg for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        count = len([argument for argument in given if argument not in ("self", "cls")])
        # A test takes as many fixtures as it needs; a command's parameters are its options.
        if count > PARAMETERS_MAX and not node.name.startswith("test_") and not is_command(node):
            yield f"{name}:{node.lineno}: {node.name} has {count} parameters, at most {PARAMETERS_MAX}"


def is_command(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether the function is a command of the command line, declared by `@something.command(...)`."""
    calls = [decorator.func for decorator in node.decorator_list if isinstance(decorator, ast.Call)]
    return any(isinstance(call, ast.Attribute) and call.attr in ("command", "callback") for call in calls)


def test_rooms_are_small(root: Path, sources: list[Path]) -> None:
    assert sources
    assert [line for path in sources for line in too_big(str(path.relative_to(root)), path.read_text("utf-8"))] == []


def test_a_big_room_is_found() -> None:
    long = "def f(a, b, c, d, e, f, g, *, h):\n" + "    a = 1\n" * 300
    assert [line.split(" ", 1)[0] for line in too_big("x.py", long)] == ["x.py:", "x.py:1:", "x.py:1:"]
    assert list(too_big("x.py", "class C:\n    def f(self, a, b, c, d, e, f, g): ...\n")) == []
