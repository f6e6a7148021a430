"""The text model as the application uses it: turns in, probabilities out, and which words carried one.

Knows its labels by name only. Long turns are read in windows, of which the surest counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from models.datasets.dialogues import Example, domain_files, read_dialogues
from models.datasets.turns import as_turn
from models.text_input import InputReader, TextInput, Tokens, word_bounds
from models.text_network import TOKENIZER, Batch, TextNetwork, load, padded
from models.weights import TEXT_MODEL

_BATCH_TOKENS = 4096
"""Batches hold about so many tokens: short turns many, long turns few."""

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Examples:
    """Training turns with one label: their names, and their vectors of shape (turns, width)."""

    ids: tuple[str, ...]
    vectors: npt.NDArray[np.float32]


class TextClassifier:
    """Loads a folder of `text_network`; raises WeightsMissing and WeightsCorrupt."""

    def __init__(self, folder: Path = TEXT_MODEL, *, threads: int = 0) -> None:
        if threads:
            torch.set_num_threads(threads)
        self._network: TextNetwork = load(folder)
        self._half = self._network if not _is_fast_in_half() else load(folder).to(torch.bfloat16)
        self._reader = InputReader(folder / TOKENIZER)
        config = self._network.config
        self.name, self.version = config.name, config.version
        self.labels, self.groups = config.labels, config.groups
        self._training: list[Example] = []
        self._known: dict[str, _Examples] = {}

    def probabilities(self, turns: Sequence[TextInput]) -> Probabilities:
        """Shape (turns, labels + groups), in their order; a turn without words is improbable in everything."""
        windows = [(row, window) for row, turn in enumerate(turns) for window in self._reader.windows(turn)]
        windows.sort(key=lambda pair: len(pair[1].ids))
        out = np.zeros((len(turns), len(self.labels) + len(self.groups)), dtype=np.float32)
        with torch.inference_mode():
            for part in _batches(windows):
                batch = self._batch([window for _, window in part])
                found = torch.sigmoid(self._half(batch).float()).numpy()
                for (row, _), probability in zip(part, found, strict=True):
                    np.maximum(out[row], probability, out=out[row])
        return out

    def vectors(self, turns: Sequence[TextInput]) -> npt.NDArray[np.float32]:
        """Unit vectors of turns, of which near ones mean about the same to the model; of the first window."""
        out = []
        with torch.inference_mode():
            for start in range(0, len(turns), 64):
                batch = self._batch([self._reader.windows(turn)[0] for turn in turns[start : start + 64]])
                found = self._half.features(batch).float()
                out.append(torch.nn.functional.normalize(found, dim=-1).numpy())
        return np.concatenate(out) if out else np.zeros((0, 1), dtype=np.float32)

    def carried(self, turn: TextInput, words: Sequence[str], label: str) -> list[float]:
        """What each word of a turn carried of a label, adding up to 1 over the words that spoke for it.

        Gradient times input in the turn's surest window; words that spoke against it have negative weights. `words`
        joined are the turn's text. Empty where nothing spoke for the label.
        """
        windows = self._reader.windows(replace(turn, text="".join(words)))
        place = (*self.labels, *self.groups).index(label)
        with torch.inference_mode():
            surest = int(self._network(self._batch(windows))[:, place].argmax())
        batch = self._batch([windows[surest]])
        with torch.enable_grad():
            embedded = self._network.embedded(batch).detach().requires_grad_(True)
            logit = self._network.head(self._network.features(batch, embedded))[0, place]
            (gradient,) = torch.autograd.grad(logit, embedded)
        # Two tokens stand before the turn's own: [CLS] and who speaks.
        pieces = (gradient * embedded).sum(-1)[0, 2:].detach().numpy()
        weights = np.zeros(len(words))
        bounds = word_bounds(words)
        for (start, end), weight in zip(windows[surest].offsets, pieces, strict=False):
            for word, (first, last) in enumerate(bounds):
                if first <= start < last or start <= first < end:
                    weights[word] += weight
                    break
        total = float(weights[weights > 0].sum())
        return [float(w) / total for w in weights] if total > 0 else []

    def nearest(self, turn: TextInput, label: str, count: int) -> list[str]:
        """The training turns with this label that are most like a turn, as `SOURCE:LINE`, the most like first."""
        examples = self._examples(label)
        if not examples.ids:
            return []
        likeness = examples.vectors @ self.vectors([turn])[0]
        return [examples.ids[at] for at in np.argsort(-likeness)[:count]]

    def _examples(self, label: str) -> _Examples:
        if label not in self._known:
            if not self._training:
                self._training = [e for e in read_dialogues(domain_files()) if e.labels]
            with_label = [e for e in self._training if label in e.labels]
            turns = [as_turn(e) for e in with_label]
            self._known[label] = _Examples(tuple(e.id for e in with_label), self.vectors(turns))
        return self._known[label]

    def _batch(self, windows: Sequence[Tokens]) -> Batch:
        return padded([(window.ids, window.segments) for window in windows], self._reader.pad)


def _batches(windows: Sequence[tuple[int, Tokens]]) -> list[list[tuple[int, Tokens]]]:
    """Windows sorted by length, in batches of about the same work."""
    batches: list[list[tuple[int, Tokens]]] = []
    for pair in windows:
        longest = len(pair[1].ids)
        if not batches or (len(batches[-1]) + 1) * longest > _BATCH_TOKENS:
            batches.append([])
        batches[-1].append(pair)
    return batches


def _is_fast_in_half() -> bool:
    """Whether the processor multiplies in bfloat16 itself; elsewhere half precision is emulated and slower."""
    capable = getattr(torch.backends.cpu, "get_cpu_capability", lambda: "")()
    return capable.startswith(("AVX512", "AMX")) and torch.ops.mkldnn._is_mkldnn_bf16_supported()
