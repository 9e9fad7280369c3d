"""What the bytes of a configuration file mean: YAML as PyYAML reads it, `.env` as python-dotenv does. Pure.

The old daemon read with these two libraries, so they decide. An input on which they would not end, or would fail in
words that nobody understands, is refused here. The message names the file and the line, and quotes nothing of it.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from dotenv.parser import Binding, parse_stream
from dotenv.variables import parse_variables

from teleclaude.config import problems
from teleclaude.errors import ConfigError, Problem

MOST_BYTES = 4 << 20
"""The largest size of a file; real ones have a few kilobytes."""
_MOST_VALUES = 200_000
"""Values in a YAML file; those of an alias count again for each use."""
_MOST_LEVELS = 60
"""Mappings and lists inside each other. It keeps every recursion over them within Python's limit."""
_LONGEST_NUMBER = 1000
"""Digits. Python itself refuses to write more than 4,300, and PyYAML needs quadratic time for them."""

_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with limits for what a file can cost."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._levels = self._values = 0
        self._weights: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Count levels and values before any of them is made."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        before = self._values
        self._levels += 1
        _require(self._levels <= _MOST_LEVELS, problems.TOO_DEEP, event.start_mark, _MOST_LEVELS)
        node = super().compose_node(parent, index)
        self._levels -= 1
        if isinstance(event, yaml.AliasEvent):
            _require(id(node) in self._weights, problems.ENDLESS_ALIAS, event.start_mark)
            self._values += self._weights[id(node)]
        else:
            self._values += 1
            self._weights[id(node)] = self._values - before
        _require(self._values <= _MOST_VALUES, problems.TOO_MANY_VALUES, event.start_mark, _MOST_VALUES)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Name the line of a value that PyYAML cannot make, such as a thirteenth month."""
        if node.tag in _NUMBERS and isinstance(node, yaml.ScalarNode):
            _require(len(node.value) <= _LONGEST_NUMBER, problems.LONG_NUMBER, node.start_mark, _LONGEST_NUMBER)
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, TypeError, OverflowError):
            raise _RefusedError(problems.NOT_OF_TYPE, node.start_mark) from None


class _RefusedError(yaml.MarkedYAMLError):
    """YAML that is refused; `most` is the limit that it exceeds."""

    def __init__(self, refusal: Problem, mark: Any, most: int = 0) -> None:
        super().__init__(problem_mark=mark)
        self.refusal, self.most = refusal, most


def _require(holds: bool, refusal: Problem, mark: Any, most: int = 0) -> None:
    if not holds:
        raise _RefusedError(refusal, mark, most)


def to_text(data: bytes, path: Path) -> str:
    """Return the text of a YAML file, with its byte order mark: UTF-8, or UTF-16 that says so; raises ConfigError."""
    return _decode(data, path, {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(data[:2], "utf-8"))


def _decode(data: bytes, path: Path, encoding: str = "utf-8") -> str:
    if len(data) > MOST_BYTES:
        raise ConfigError(problems.TOO_LARGE.fill(path=path, megabytes=MOST_BYTES >> 20), path=path)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _refuse(problems.OTHER_ENCODING, path, line, encoding=encoding.upper()[:6].rstrip("-")) from None


def parse_yaml(data: bytes, path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds, an empty one where it holds nothing.

    `path` names it in errors. Raises ConfigError.
    """
    text = to_text(data, path)
    try:
        loader = _Loader(text)
        values = loader.get_single_data()
    except _RefusedError as error:
        raise _refuse(error.refusal, path, _line_of(error), most=error.most) from None
    except yaml.MarkedYAMLError as error:
        # The parser's own words would quote the file.
        raise _refuse(problems.NOT_YAML, path, _line_of(error)) from None
    except yaml.reader.ReaderError as error:
        raise _refuse(problems.NOT_ALLOWED, path, text[: error.position].count("\n") + 1) from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise _refuse(problems.NOT_A_MAPPING, path, 1)
    return values


def _line_of(error: yaml.MarkedYAMLError) -> int:
    return error.problem_mark.line + 1 if error.problem_mark else 1


def parse_env(data: bytes, path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that a `.env` file sets, `${NAME}` expanded as python-dotenv does.

    A name without a value is left out. `environ` is the environment of the process that would have loaded the file: its
    variables win inside `${NAME}`. Raises ConfigError.
    """
    result: dict[str, str | None] = {}
    scope: Mapping[str, str | None] = ChainMap({**environ}, result)
    for binding in _bindings(data, path):
        if binding.key is not None:
            result[binding.key] = None if binding.value is None else _expand(binding, scope, path)
    return {name: value for name, value in result.items() if value is not None}


def _expand(binding: Binding, scope: Mapping[str, str | None], path: Path) -> str:
    value = ""
    for atom in parse_variables(binding.value or ""):
        value += atom.resolve(scope)
        if len(value) > MOST_BYTES:
            raise _refuse(problems.EXPANDS_TOO_FAR, path, binding.original.line, megabytes=MOST_BYTES >> 20)
    return value


def unread_lines(data: bytes, path: Path) -> tuple[int, ...]:
    """Return the numbers of the lines of a `.env` file that set nothing, because they are not NAME=VALUE."""
    return tuple(binding.original.line for binding in _bindings(data, path) if binding.error)


def env_comments(data: bytes, path: Path) -> tuple[list[str], set[int], set[int]]:
    """Return the lines of a `.env` file, and which are comments and which have one beside a value, counted from 0."""
    lines: list[str] = []
    alone: set[int] = set()
    beside: set[int] = set()
    for binding in _bindings(data, path):
        for line in binding.original.string.split("\n"):
            value = (binding.value or "").rpartition("\n")[2]
            if line.lstrip().startswith("#") and not (binding.key and line in (binding.value or "")):
                alone.add(len(lines))
            elif re.search(r"\s#", line) and (not value or not line.rstrip().rstrip("'\"").endswith(value)):
                beside.add(len(lines))
            lines.append(line)
    return lines, alone, beside


def _bindings(data: bytes, path: Path) -> tuple[Binding, ...]:
    # Python's own reading of line ends, as for the file that python-dotenv opens.
    return tuple(parse_stream(StringIO(_decode(data, path), newline=None)))


def _refuse(problem: Problem, path: Path, line: int, **values: object) -> ConfigError:
    return ConfigError(problem.fill(path=path, line=line, **values), path=path)
