#!/usr/bin/env python3
"""How faithfully the words that carried a finding are named: leaving words out, beside gradients and random words.

    python scripts/explanation_faithfulness.py [--model FOLDER] [--turns 150]

A way is faithful when hiding the words it names takes the probability away (comprehensiveness) and keeping only them
keeps it (sufficiency; DeYoung et al. 2020). A fifth of the words of each turn is named; random ones are the floor.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from models.datasets.dialogues import read_dialogues, validation_files
from models.datasets.turns import as_turn
from models.text import TextClassifier
from models.text_files import load_model
from models.text_input import InputReader, TextInput
from models.text_network import padded
from models.weights import TEXT_MODEL
from pipeline.stages.dialogue import words_of

SHARE = 0.2
Way = Callable[[TextInput, Sequence[str], str], Sequence[float]]


class Gradients:
    """The way that lost: what each word's vector times the gradient of the label's logit adds up to."""

    def __init__(self, folder: Path) -> None:
        self._model = load_model(folder)
        self._readers = {lang: InputReader(file) for lang, file in self._model.tokenizers.items()}

    def __call__(self, turn: TextInput, words: Sequence[str], label: str) -> list[float]:
        lang = "zh" if any("\u4e00" <= c <= "\u9fff" for c in turn.text) else "en"
        network, reader = self._model.networks[lang], self._readers[lang]
        window = reader.windows(turn)[0]
        batch = padded([(window.ids, window.segments)], reader.pad)
        vectors = network.encoder.get_input_embeddings()(batch.ids).detach().requires_grad_(True)
        hidden = network.encoder(
            inputs_embeds=vectors, token_type_ids=batch.segments, attention_mask=batch.mask
        ).last_hidden_state
        own = (batch.mask & (batch.segments == 0))[..., None]
        features = torch.cat([hidden[:, 0], (hidden * own).sum(1) / own.sum(1)], dim=-1)
        logit = network.head(features)[0, network.config.labels.index(label)]
        (gradient,) = torch.autograd.grad(logit, vectors)
        # Two tokens stand before the turn's own: [CLS] and who speaks.
        pieces = (gradient * vectors).sum(-1)[0, 2:].tolist()
        weights = []
        for word in words:
            many = len(reader.windows(replace(turn, text=word, context=()))[0].ids) - 3
            weights.append(sum(pieces[:many]))
            pieces = pieces[many:]
        return weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=TEXT_MODEL)
    parser.add_argument("--turns", type=int, default=150)
    args = parser.parse_args()
    model, draw = TextClassifier(args.model), random.Random(5)
    place = {label: at for at, label in enumerate(model.labels)}

    def sure(turn: TextInput, words: Sequence[str], label: str) -> float:
        return float(model.probabilities([replace(turn, text="".join(words))])[0, place[label]])

    ways: dict[str, Way] = {
        "leaving each word out": model.carried,
        "gradient times input": Gradients(args.model),
        "random words": lambda _turn, words, _label: [draw.random() for _ in words],
    }
    found: list[tuple[TextInput, list[str], str]] = []
    for example in read_dialogues(validation_files()):
        turn = as_turn(example)
        words = [word.text for word in words_of(turn.text, 0, 1000)]
        found += [(turn, words, k) for k in sorted(example.labels & place.keys()) if len(words) >= 6]
    found = [one for one in found if sure(*one) >= 0.5]
    found = draw.sample(found, min(args.turns, len(found)))
    print(f"{len(found)} findings of the model on validation turns, a fifth of the words named")
    for name, way in ways.items():
        began = time.perf_counter()
        lost, kept = [], []
        for turn, words, label in found:
            weights = list(way(turn, words, label)) or [0.0] * len(words)
            named = set(np.argsort(weights)[::-1][: max(1, round(SHARE * len(words)))])
            whole = sure(turn, words, label)
            lost.append(whole - sure(turn, [w for at, w in enumerate(words) if at not in named], label))
            kept.append(whole - sure(turn, [w for at, w in enumerate(words) if at in named], label))
        each_ms = (time.perf_counter() - began) * 1000 / len(found)
        print(
            f"{name:24s} comprehensiveness {np.mean(lost):.3f} (more is better), sufficiency {np.mean(kept):.3f} "
            f"(less is better), {each_ms:.0f} ms a finding"
        )


if __name__ == "__main__":
    main()
