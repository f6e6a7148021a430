"""What a training run of the text network is: how long, how fast, and what is done to the words."""

from __future__ import annotations

from dataclasses import dataclass

from models.datasets.noise import MISHEARD


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """The settings. `merge` is the share of turns run together with a neutral one of the same speaker.

    `hidden_words` is the share of a turn's tokens that are hidden from it, which does what dropout does for less work.
    `noise` is the share of turns that are disturbed, `misheard` the share of those in which words are misheard,
    `mistaken` the share of these whose words recognition hears quite otherwise: lost, said twice or put for others in
    English, characters of another sound in Chinese.
    """

    epochs: int = 6
    batch: int = 32
    rate: float = 8e-5
    head_rate: float = 1e-3
    warmup: float = 0.1
    decay: float = 0.01
    smoothing: float = 0.02
    hidden_words: float = 0.08
    layer_decay: float = 0.9
    group_weight: float = 1.0
    noise: float = 0.5
    misheard: float = MISHEARD
    mistaken: float = 0.0
    drop_context: float = 0.1
    merge: float = 0.12
    average: float = 0.998
    seed: int = 7
