"""What the bytes of a configuration file mean: YAML as PyYAML reads it, `.env` as python-dotenv does. Pure.

The old daemon read with these two libraries, so they decide. What they would do without end, or in words that nobody
understands, is refused here in one sentence that names the file and the line, and quotes nothing of it.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from dotenv.parser import Binding, parse_stream
from dotenv.variables import parse_variables

from teleclaude.errors import ConfigError

MOST_BYTES = 4 << 20
"""The size of a file; real ones have a few kilobytes."""
_MOST_VALUES = 200_000
"""Values in a YAML file, those of an alias counted wherever it stands."""
_MOST_LEVELS = 60
"""Mappings and lists inside each other; keeps every recursion over them within Python's limit."""
_LONGEST_NUMBER = 1000
"""Digits. Python itself refuses to write more than 4,300, and PyYAML needs quadratic time for them."""

_NUMBERS = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with an end to what a file can make it do."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._levels = self._values = 0
        self._weights: dict[int, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Count levels and values before any of them is made."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        before = self._values
        self._levels += 1
        _require(self._levels <= _MOST_LEVELS, f"something deeper than {_MOST_LEVELS} levels", event.start_mark)
        node = super().compose_node(parent, index)
        self._levels -= 1
        if isinstance(event, yaml.AliasEvent):
            _require(id(node) in self._weights, "an alias that refers to what it stands in", event.start_mark)
            self._values += self._weights[id(node)]
        else:
            self._values += 1
            self._weights[id(node)] = self._values - before
        _require(self._values <= _MOST_VALUES, f"more than {_MOST_VALUES} values, aliases followed", event.start_mark)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Give the line also of what PyYAML stumbles over, such as a thirteenth month."""
        if node.tag in _NUMBERS and isinstance(node, yaml.ScalarNode):
            _require(
                len(node.value) <= _LONGEST_NUMBER, f"a number of more than {_LONGEST_NUMBER} digits", node.start_mark
            )
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, TypeError, OverflowError):
            raise _RefusedError("a value that is not of its type", node.start_mark) from None


class _RefusedError(yaml.MarkedYAMLError):
    """What we refuse, in words that quote nothing."""

    def __init__(self, sentence: str, mark: Any) -> None:
        super().__init__(problem=sentence, problem_mark=mark)
        self.sentence = sentence
        self.line: int = mark.line + 1


def _require(holds: bool, sentence: str, mark: Any) -> None:
    if not holds:
        raise _RefusedError(sentence, mark)


def to_text(data: bytes, path: Path) -> str:
    """Return the text of a YAML file, with its byte order mark: UTF-8, or UTF-16 that says so; raises ConfigError."""
    encoding = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(data[:2], "utf-8")
    if len(data) > MOST_BYTES:
        raise ConfigError(f"{path} is larger than {MOST_BYTES >> 20} MB", "take out what nobody needs", path=path)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _refuse(path, line, f"this is not {encoding.upper()[:6].rstrip('-')}") from None


def parse_yaml(data: bytes, path: Path) -> dict[str, Any]:
    """Return the mapping that a YAML file holds, an empty one where it holds nothing.

    `path` names it in errors. Raises ConfigError.
    """
    text = to_text(data, path)
    try:
        loader = _Loader(text)
        values = loader.get_single_data()
    except _RefusedError as error:
        raise _refuse(path, error.line, f"here is {error.sentence}") from None
    except yaml.MarkedYAMLError as error:
        # Without the parser's words, which quote the file.
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _refuse(path, line, "this is not YAML") from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        raise _refuse(path, line, "this character is not allowed in YAML") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise _refuse(path, 1, "the file does not hold keys and values")
    return values


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
            raise _refuse(path, binding.original.line, "this value expands to too much")
    return value


def unread_lines(data: bytes, path: Path) -> tuple[int, ...]:
    """Return the numbers of the lines of a `.env` file that set nothing, because they are not NAME=VALUE."""
    return tuple(binding.original.line for binding in _bindings(data, path) if binding.error)


def _bindings(data: bytes, path: Path) -> tuple[Binding, ...]:
    if len(data) > MOST_BYTES:
        raise ConfigError(f"{path} is larger than {MOST_BYTES >> 20} MB", "take out what nobody needs", path=path)
    try:
        # Python's own reading of line ends, as for the file that python-dotenv opens.
        text = data.decode().replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise _refuse(path, data[: error.start].count(b"\n") + 1, "this is not UTF-8") from None
    return tuple(parse_stream(StringIO(text)))


def _refuse(path: Path, line: int, sentence: str) -> ConfigError:
    return ConfigError(f"{path}, line {line}: {sentence}", "fix it there", path=path)
