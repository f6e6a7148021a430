"""What the text network reads while it learns: turns with noise drawn anew each epoch, in batches of like length."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from torch.utils.data import DataLoader, Dataset

from models.datasets.dialogues import Example
from models.datasets.noise import disturbed
from models.line import Line
from models.recipe import Recipe
from models.text_input import InputReader, TextInput

_BATCHES_PER_POOL = 40
"""So many batches are sorted by length together: little padding, and still another mixture each epoch."""

Rows = tuple[list[int], list[tuple[list[int], tuple[int, ...]]]]
"""A batch before it is padded: which examples, and of each the token ids and segments."""


class Pools(Dataset[list[Rows]]):
    """Pools of batches, epoch after epoch. Each is drawn for itself, so it is the same whichever process makes it."""

    def __init__(self, examples: Sequence[Example], reader: InputReader, recipe: Recipe) -> None:
        self._examples, self._reader, self._recipe = examples, reader, recipe
        self._neutral = _neutral(examples)
        self._size = recipe.batch * _BATCHES_PER_POOL
        self._per_epoch = math.ceil(len(examples) / self._size)

    def __len__(self) -> int:
        return self._per_epoch * self._recipe.epochs

    def __getitem__(self, at: int) -> list[Rows]:
        epoch, pool = divmod(at, self._per_epoch)
        draw = random.Random(f"{self._recipe.seed}/{epoch}/{pool}")
        rows = self._order(epoch)[pool * self._size : (pool + 1) * self._size]
        made = {row: self._tokens(row, draw) for row in rows}
        rows.sort(key=lambda row: len(made[row][0]))
        starts = list(range(0, len(rows), self._recipe.batch))
        draw.shuffle(starts)
        batches = [rows[start : start + self._recipe.batch] for start in starts]
        return [(batch, [made[row] for row in batch]) for batch in batches]

    def _order(self, epoch: int) -> list[int]:
        order = list(range(len(self._examples)))
        random.Random(f"{self._recipe.seed}/{epoch}").shuffle(order)
        return order

    def _tokens(self, row: int, draw: random.Random) -> tuple[list[int], tuple[int, ...]]:
        turn = _varied(self._examples[row], self._recipe, draw, self._neutral)
        tokens = self._reader.windows(turn)[0]
        return _hidden(tokens.ids, self._reader.mask, self._recipe, draw), tokens.segments


def batches(pools: Pools, *, makers: int) -> Iterator[Rows]:
    """All of them in their order. So many processes make pools ahead; with none the batches are the same."""
    yield from chain.from_iterable(DataLoader(pools, batch_size=None, num_workers=makers, collate_fn=list))


def _hidden(ids: Sequence[int], mask: int, recipe: Recipe, draw: random.Random) -> list[int]:
    """Some tokens hidden; never the first two, which are [CLS] and who speaks."""
    return [*ids[:2], *(mask if draw.random() < recipe.hidden_words else token for token in ids[2:])]


def _varied(
    example: Example, recipe: Recipe, draw: random.Random, neutral: Mapping[tuple[str, str], Sequence[str]]
) -> TextInput:
    text, lang = example.line.text, example.lang
    others = neutral.get((lang, example.line.role), ())
    if others and draw.random() < recipe.merge:
        gap = "" if lang == "zh" else " "
        other = draw.choice(others)
        text = f"{text}{gap}{other}" if draw.random() < 0.5 else f"{other}{gap}{text}"
    context = example.context
    if draw.random() < recipe.noise:
        shares = {"misheard_share": recipe.misheard, "mistaken_share": recipe.mistaken}
        text = disturbed(text, lang, draw, **shares)
        context = tuple(Line(line.role, disturbed(line.text, lang, draw, **shares)) for line in context)
    if draw.random() < recipe.drop_context:
        context = context[1:]
    return TextInput(role=example.line.role, text=text, context=context)


def _neutral(examples: Sequence[Example]) -> dict[tuple[str, str], list[str]]:
    """Turns that hold nothing and look like nothing, by language and speaker."""
    found: dict[tuple[str, str], list[str]] = {}
    for example in examples:
        if not example.labels and example.kind is None and example.judged is None:
            found.setdefault((example.lang, example.line.role), []).append(example.line.text)
    return found
