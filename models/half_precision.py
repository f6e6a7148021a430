"""Whether this processor multiplies in half precision (bfloat16) itself.

Where it doesn't, PyTorch emulates it: right, and two to three times slower than single precision.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import torch

_ABLE = ("avx512_bf16", "amx_bf16")


@cache
def is_fast_in_half() -> bool:
    """By what the processor says of itself, not by what the libraries can do on it."""
    capable: dict[str, Any] = torch.cpu.get_capabilities()
    return any(capable.get(name) is True for name in _ABLE)


def products(device: str = "cpu") -> AbstractContextManager[Any]:
    """A context in which products are of bfloat16 where that is quick: on a GPU, and on such a processor."""
    return torch.autocast(device, torch.bfloat16) if device != "cpu" or is_fast_in_half() else nullcontext()
