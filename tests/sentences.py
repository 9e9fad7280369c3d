"""Every sentence of the code that tells an operator what is wrong, and its remedy, read from its syntax trees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import teleclaude
from teleclaude import errors

PACKAGE = Path(teleclaude.__file__).parent
CLASSES = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
# Which argument of a call is the sentence. A RequestError goes to a program, which docs/api.md is for.
PLACES = {name: 0 for name in CLASSES - {"RequestError"}} | {
    "refuse": 0,
    "Failure": 0,
    "Holder": 0,
    "UsageError": 0,
    "_RefusedError": 0,
    "error": 1,
    "_require": 1,
    "_refuse": 2,
}
REMEDY_ELSEWHERE = {"UsageError", "_RefusedError", "_require", "_refuse"}
"""Calls that take no remedy behind the sentence."""
PASSED_ON = {"message", "evidence", "sentence", "held_by"}
"""Attributes that hold the sentence of somebody else, who is asked himself; so does an item of an answer."""
NOT_OURS = {"daemon/api.py", "daemon/connection.py", "checks/look/database.py"}
"""Modules where these names mean something else."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Sentence:
    """A sentence with `{}` for whatever is filled in, where it stands, and the remedies that it can come with."""

    template: str
    place: str
    remedies: tuple[str, ...] = ()


def collect() -> Iterator[Sentence]:
    """Yield every sentence; raises TypeError where one is made in a way that nobody can look up."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        if name not in NOT_OURS:
            module = ast.parse(path.read_text())
            for function in ast.walk(module):
                if isinstance(function, Function):
                    for node, remedy in _sentences(function):
                        place = f"{name}:{node.lineno}"
                        remedies = tuple(_resolve_remedy(remedy, function, module))
                        for template in _resolve(node, function, place):
                            yield Sentence(template, place, remedies)


def to_template(sentence: str) -> str:
    """Return a sentence of a page with `{}` for whatever is filled in."""
    return re.sub(r"\{[^}]*\}", "{}", sentence)


def _sentences(function: Function) -> Iterator[tuple[ast.expr, ast.expr | None]]:
    """Yield every sentence of a function, with its remedy where one stands behind it."""
    returned = "" if function.returns is None else ast.unparse(function.returns)
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            place = PLACES.get(_name(node.func), 99)
            if len(node.args) > place and not isinstance(node.args[0], ast.Starred):
                behind = [] if _name(node.func) in REMEDY_ELSEWHERE else node.args[place + 1 :]
                yield node.args[place], behind[0] if behind else None
        elif isinstance(node, ast.Return) and returned.startswith("Obstacle"):
            yield from ((part.elts[0], part.elts[1]) for part in _branches(node.value) if isinstance(part, ast.Tuple))
        elif isinstance(node, ast.Return) and function.name == "sentence" and node.value is not None:
            yield node.value, None


def _name(called: ast.expr) -> str:
    return called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""


def _branches(node: ast.expr | None) -> Iterator[ast.expr]:
    if isinstance(node, ast.IfExp):
        yield from _branches(node.body)
        yield from _branches(node.orelse)
    elif node is not None:
        yield node


def _resolve(node: ast.expr, function: Function, place: str) -> Iterator[str]:
    """Yield what an expression can say; nothing where it hands on what another one says."""
    if isinstance(node, ast.Constant | ast.JoinedStr):
        yield _text(node)
    elif isinstance(node, ast.IfExp):
        for branch in _branches(node):
            yield from _resolve(branch, function, place)
    elif isinstance(node, ast.Name):
        for value in _assigned(node.id, function, place):
            yield from _resolve(value, function, place)
    elif ast.unparse(node).split(".")[-1] not in PASSED_ON and not isinstance(node, ast.Subscript):
        raise TypeError(f"{place}: write the sentence where it is raised, or name it in the same function")


def _resolve_remedy(node: ast.expr | None, function: Function, module: ast.Module) -> Iterator[str]:
    """Yield the remedies that an expression can say, as far as they are written in its own module."""
    for branch in _branches(node):
        if isinstance(branch, ast.Constant | ast.JoinedStr):
            yield _text(branch)
        elif isinstance(branch, ast.Name):
            for value in _values(branch.id, function) or _values(branch.id, module):
                yield from _resolve_remedy(value, function, module)


def _text(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)


def _assigned(name: str, function: Function, place: str) -> list[ast.expr]:
    """Return what a name stands for; a parameter stands for what the callers say."""
    arguments = function.args
    if name in {argument.arg for argument in (*arguments.args, *arguments.kwonlyargs)}:
        return []
    values = _values(name, function)
    if not values:
        raise TypeError(f"{place}: nobody can see what {name} says")
    return values


def _values(name: str, scope: Function | ast.Module) -> list[ast.expr]:
    """Return what is assigned to a name somewhere in `scope`."""
    return [
        node.value
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign)
        and name in {target.id for target in node.targets if isinstance(target, ast.Name)}
    ]
