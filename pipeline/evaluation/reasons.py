"""How a reason repeats what was given: names only, since words of a call may stand where a name should."""

from __future__ import annotations

import re
from typing import TypeGuard

# A name begins with a letter: digits alone may be somebody's number.
_NAME = re.compile(r"[A-Za-z][\w.-]{0,39}", re.ASCII)


def is_name(value: object) -> TypeGuard[str]:
    """Whether a value looks like a name of ours, known or not."""
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def named(value: object) -> str:
    """A value as a reason may repeat it: a name in quotes, and of anything else only that it is none."""
    if value is None:
        return "nothing"
    return f"'{value}'" if is_name(value) else "(not a name)"
