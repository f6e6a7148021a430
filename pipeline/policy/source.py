"""Policy files as nodes that know their file and line, so that every mistake is named with its place.

Reads YAML and nothing else; what the keys mean is the business of the modules that call it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import NoReturn, TypeVar

import yaml

from pipeline.errors import ConfigError

E = TypeVar("E", bound=StrEnum)

POLICY_DIR = Path(__file__).parent


class BadPolicy(ConfigError):
    """A policy file is wrong; the message starts with file:line."""

    code = "bad_policy"


@dataclass(frozen=True, slots=True)
class Node:
    """One value of a policy file, with the file it stands in."""

    file: str
    raw: yaml.Node

    @property
    def line(self) -> int:
        return int(self.raw.start_mark.line) + 1

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"

    def fail(self, message: str) -> NoReturn:
        raise BadPolicy(f"{self.place}: {message}")

    def mapping(self) -> dict[str, Node]:
        """Keys in the order of the file; a key that stands twice is refused."""
        if not isinstance(self.raw, yaml.MappingNode):
            self.fail("expected a mapping of keys to values.")
        found: dict[str, Node] = {}
        for key, value in self.raw.value:
            if key.value in found:
                Node(self.file, key).fail(f"'{key.value}' stands twice; remove one of them.")
            found[key.value] = Node(self.file, value)
        return found

    def fields(self, required: Iterable[str], optional: Iterable[str] = ()) -> dict[str, Node]:
        """The mapping, with unknown and missing keys refused."""
        required = tuple(required)
        known = {*required, *optional}
        found = self.mapping()
        for key, node in found.items():
            if key not in known:
                node.fail(f"unknown key '{key}'{suggestion(key, known)}")
        for key in required:
            if key not in found:
                self.fail(f"'{key}' is missing.")
        return found

    def sequence(self) -> list[Node]:
        if not isinstance(self.raw, yaml.SequenceNode):
            self.fail("expected a list.")
        return [Node(self.file, item) for item in self.raw.value]

    def text(self) -> str:
        if not isinstance(self.raw, yaml.ScalarNode):
            self.fail("expected text.")
        return str(self.raw.value)

    @property
    def is_text(self) -> bool:
        return isinstance(self.raw, yaml.ScalarNode)

    @property
    def is_sequence(self) -> bool:
        return isinstance(self.raw, yaml.SequenceNode)

    def parts(self) -> list[Node]:
        """One value, or those of a list."""
        return [self] if self.is_text else self.sequence()

    def texts(self) -> tuple[str, ...]:
        """One text or a list of texts."""
        return tuple(part.text() for part in self.parts())

    def number(self, low: float, high: float) -> float:
        try:
            value = float(self.text())
        except ValueError:
            self.fail(f"'{self.text()}' is not a number.")
        if not low <= value <= high:
            self.fail(f"{value:g} is outside {low:g} to {high:g}.")
        return value

    def whole(self, low: int, high: int) -> int:
        value = self.number(low, high)
        if value != int(value):
            self.fail(f"{value:g} is not a whole number.")
        return int(value)

    def flag(self) -> bool:
        if self.text() not in ("true", "false"):
            self.fail(f"'{self.text()}' is neither true nor false.")
        return self.text() == "true"

    def one_of(self, kind: type[E]) -> E:
        try:
            return kind(self.text())
        except ValueError:
            self.fail(f"'{self.text()}' is not one of {', '.join(kind)}{suggestion(self.text(), kind)}")


def suggestion(word: str, known: Iterable[str]) -> str:
    """The end of an error sentence: the nearest known word, if one is near."""
    near = get_close_matches(word, list(known), n=1)
    return f"; did you mean '{near[0]}'?" if near else "."


def read(path: Path) -> Node:
    """The root of a YAML file; raises BadPolicy when the file is missing or not YAML."""
    try:
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except OSError:
        raise BadPolicy(f"{path.name}: the file is missing or can't be read.") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadPolicy(f"{path.name}:{line}: not YAML: {error.problem}.") from None
    if root is None:
        raise BadPolicy(f"{path.name}: the file is empty.")
    return Node(path.name, root)
