"""Writes pipeline/search/traditional.py from the installed OpenCC.

Run it by hand and raise ANALYSER_VERSION when the file changes: an index made with another map must be rebuilt.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import opencc

HEADER = '''"""Traditional Chinese characters and, place by place, the simplified character each is searched as.

Written by scripts/make_traditional.py, not by hand. The pairs come from OpenCC's dictionary (https://github.com/BYVoid/OpenCC,
Apache-2.0, copyright Carbo Kuo and contributors), character by character; a few that only search wants are added there.
"""
'''

HAN = (range(0x3400, 0x4DC0), range(0x4E00, 0xA000), range(0x20000, 0x2FA20), range(0x30000, 0x323B0))
"""The blocks of Unicode that hold Han characters."""

SEARCHED_ALIKE = {"著": "着", "祇": "只", "妳": "你", "潀": "潨"}
"""Taiwan writes 著 and 妳 where the mainland writes 着 and 你; a conversion chooses by context, a search finds both."""


def simplified() -> dict[str, str]:
    """Every character that has another simplified form, mapped to its final form (no value is itself a key)."""
    converter = opencc.OpenCC("t2s")
    pairs = {}
    for block in HAN:
        for code in block:
            character = chr(code)
            converted = converter.convert(character)
            if converted != character and len(converted) == 1:
                pairs[character] = converted
    pairs |= SEARCHED_ALIKE
    return {character: _settled(pairs, character) for character in sorted(pairs)}


def _settled(pairs: dict[str, str], character: str) -> str:
    while character in pairs:
        character = pairs[character]
    return character


def _block(name: str, characters: str) -> str:
    lines = "\n".join(f'    "{line}"' for line in textwrap.wrap(characters, 56, break_long_words=True))
    return f"\n{name} = (\n{lines}\n)\n"


def source() -> str:
    """The whole module as text."""
    pairs = simplified()
    return HEADER + _block("TRADITIONAL", "".join(pairs)) + _block("SIMPLIFIED", "".join(pairs.values()))


if __name__ == "__main__":
    target = Path(__file__).parents[1] / "pipeline" / "search" / "traditional.py"
    target.write_text(source(), encoding="utf-8")
    print(f"{len(simplified())} pairs written to {target}")
