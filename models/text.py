"""The text model as the application uses it: turns in, probabilities out, and which words carried one.

Knows its labels by name only. Long turns are read in windows, of which the surest counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from models.datasets.dialogues import Example, domain_files, read_dialogues
from models.datasets.turns import as_turn
from models.errors import WeightsCorrupt
from models.half_precision import is_fast_in_half
from models.text_files import ANY, load_model
from models.text_input import InputReader, TextInput, Tokens
from models.text_network import TOKEN_STEP, Batch, padded, rounded
from models.weights import TEXT_MODEL

_BATCH_TOKENS = 1024
"""Batches hold about so many tokens: short turns many, long turns few."""
_BATCH_STEP = 128
"""Batches are padded to about multiples of so many tokens, for the sake of few shapes."""
_FEW_WORDS = 3
_MOST_EXAMPLES = 300
"""So many training turns of a label are compared with, spread evenly over their authors: reading them takes a process
seconds for each label that it meets first."""
_LANGUAGES = ("zh", "en")
"""Where each network reads one language, all of these are needed: a turn without a network would find nothing."""
_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
_LATIN = re.compile(r"[A-Za-z']+")

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Examples:
    """Training turns with one label: their names, and their vectors of shape (turns, width)."""

    ids: tuple[str, ...]
    vectors: npt.NDArray[np.float32]


class TextClassifier:
    """Loads a folder of `text_files`; raises WeightsMissing and WeightsCorrupt."""

    def __init__(self, folder: Path = TEXT_MODEL, *, threads: int = 0) -> None:
        if threads:
            torch.set_num_threads(threads)
        kind = torch.bfloat16 if is_fast_in_half() else torch.float32
        model = load_model(folder, kind=kind)
        self.name, self.version = model.name, model.version
        self._readers = {lang: InputReader(file) for lang, file in model.tokenizers.items()}
        missing = [lang for lang in _LANGUAGES if not {lang, ANY} & self._readers.keys()]
        if missing:
            raise WeightsCorrupt(
                f"{folder} holds no network that reads {' and '.join(missing)}. Train it into the same folder: "
                f'`make train` with OUT="{folder}" and TRAIN="--languages {" ".join(missing)}".'
            )
        self._networks = model.networks
        config = next(iter(model.networks.values())).config
        self.labels, self.groups = config.labels, config.groups
        self._training: list[Example] = []
        self._known: dict[str, _Examples] = {}

    def probabilities(self, turns: Sequence[TextInput]) -> Probabilities:
        """Shape (turns, labels + groups), in their order; a turn without words is improbable in everything."""
        out = np.zeros((len(turns), len(self.labels) + len(self.groups)), dtype=np.float32)
        for lang in self._readers:
            mine = [row for row, turn in enumerate(turns) if self._language(turn) == lang]
            out[mine] = self._read([turns[row] for row in mine], lang)
        return out

    def _read(self, turns: Sequence[TextInput], lang: str) -> Probabilities:
        """`probabilities` by the network of one language, whatever the turns are written in."""
        out = np.zeros((len(turns), len(self.labels) + len(self.groups)), dtype=np.float32)
        reader, network = self._readers[lang], self._networks[lang]
        said = (row for row, turn in enumerate(turns) if any(map(str.isalnum, turn.text)))
        windows = [(row, window) for row in said for window in reader.windows(turns[row])]
        windows.sort(key=lambda pair: len(pair[1].ids))
        with torch.inference_mode():
            for part in _batches(windows):
                found = torch.sigmoid(network(_as_batch(part, reader.pad)).float())
                for (row, _), probability in zip(part, found[: len(part)].numpy(), strict=True):
                    np.maximum(out[row], probability, out=out[row])
        return out

    def _vectors(self, turns: Sequence[TextInput], lang: str) -> npt.NDArray[np.float32]:
        """Unit vectors of turns of one language, near where they mean about the same to the model; (turns, width)."""
        reader, network = self._readers[lang], self._networks[lang]
        windows = [(row, reader.windows(turn)[0]) for row, turn in enumerate(turns)]
        windows.sort(key=lambda pair: len(pair[1].ids))
        out = np.zeros((len(turns), 2 * network.encoder.config.hidden_size), dtype=np.float32)
        with torch.inference_mode():
            for part in _batches(windows):
                found = network.features(_as_batch(part, reader.pad))[: len(part)]
                out[[row for row, _ in part]] = torch.nn.functional.normalize(found.float(), dim=-1).numpy()
        return out

    def _language(self, turn: TextInput) -> str:
        """The network that reads a turn: by its own scripts, a word or two in Latin letters by what was said before."""
        if ANY in self._readers:
            return ANY
        if chinese := len(_CHINESE.findall(turn.text)):
            # Half a character for an English word tells best who wrote it: "ask my 老婆 about the giro" is English.
            return "zh" if 2 * chinese >= len(_LATIN.findall(turn.text)) else "en"
        is_short = len(turn.text.split()) <= _FEW_WORDS
        return "zh" if is_short and any(_CHINESE.search(said.text) for said in turn.context[-2:]) else "en"

    def carried(self, turn: TextInput, words: Sequence[str], label: str) -> list[float]:
        """What each word of a turn carried of a label, adding up to 1 over the words that spoke for it.

        How much less probable the label is without the word; words that spoke against it have negative weights. `words`
        joined are the turn's text. Empty where nothing spoke for the label.
        """
        place = (*self.labels, *self.groups).index(label)
        without = [replace(turn, text="".join([*words[:at], *words[at + 1 :]])) for at in range(len(words))]
        # All by the network that reads the turn: without its one Chinese word an English one would read what is left,
        # and the difference would be that of two networks.
        whole, *left = self._read([turn, *without], self._language(turn))[:, place].tolist()
        lost = [whole - each for each in left]
        total = sum(each for each in lost if each > 0)
        return [each / total for each in lost] if total > 0 else []

    def nearest(self, turn: TextInput, label: str, count: int) -> list[str]:
        """The training turns with this label that are most like a turn, as `SOURCE:LINE`, the most like first."""
        lang = self._language(turn)
        examples = self._examples(label, lang)
        if not examples.ids:
            return []
        likeness = examples.vectors @ self._vectors([turn], lang)[0]
        return [examples.ids[at] for at in np.argsort(-likeness)[:count]]

    def _examples(self, label: str, lang: str) -> _Examples:
        key = f"{lang}/{label}"
        if key not in self._known:
            if not self._training:
                self._training = [e for e in read_dialogues(domain_files()) if e.labels]
            with_label = [e for e in self._training if label in e.labels and self._language(as_turn(e)) == lang]
            some = with_label[:: math.ceil(len(with_label) / _MOST_EXAMPLES) or 1]
            self._known[key] = _Examples(tuple(e.id for e in some), self._vectors([as_turn(e) for e in some], lang))
        return self._known[key]


def _batches(windows: Sequence[tuple[int, Tokens]]) -> list[list[tuple[int, Tokens]]]:
    """Windows sorted by length, in batches of about the same work."""
    batches: list[list[tuple[int, Tokens]]] = []
    for pair in windows:
        if not batches or (len(batches[-1]) + 1) * rounded(len(pair[1].ids), TOKEN_STEP) > _BATCH_TOKENS:
            batches.append([])
        batches[-1].append(pair)
    return batches


def _as_batch(part: Sequence[tuple[int, Tokens]], pad: int) -> Batch:
    """Of one of few shapes: rows at its end may be padding alone."""
    length = rounded(max(len(window.ids) for _, window in part), TOKEN_STEP)
    turns = max(len(part), rounded(len(part) * length, _BATCH_STEP) // length)
    return padded([(window.ids, window.segments) for _, window in part], pad, turns=turns)
