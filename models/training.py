"""Trains the text network on examples.

Knows labels by name only. Seeded; the same machine, data and recipe give the same weights.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.console import Console
from rich.progress import track
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from models.datasets.dialogues import Example
from models.half_precision import products
from models.recipe import Recipe
from models.text_input import InputReader, TextInput
from models.text_network import Batch, TextNetwork, padded
from models.training_batches import Pools, batches

UNDISTURBED: dict[str, Any] = {
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "attn_implementation": "eager",
}
"""How an encoder learns here. Dropout takes two thirds of the time on a CPU, and hidden words do the same for less; the
way back through PyTorch's fused attention takes half of a step there."""
_MAKERS = 3
"""So many processes make batches where a GPU learns: it would wait for the words longer than for its own products."""


def learning_again(known: TextNetwork) -> TextNetwork:
    """A copy of a network that was loaded to predict, ready to learn more."""
    encoder = BertModel(BertConfig(**known.config.encoder, **UNDISTURBED), add_pooling_layer=False)
    network = TextNetwork(known.config, encoder)
    network.load_state_dict(known.state_dict())
    return network


def targets(examples: Sequence[Example], network: TextNetwork, above: Mapping[str, str]) -> npt.NDArray[np.float32]:
    """Truth of shape (examples, labels + groups), NaN where it is not known.

    A label that names a group marks the group, and leaves open which of the labels under it; so does an example what
    was not `judged` in it.
    """
    config = network.config
    place = {name: at for at, name in enumerate((*config.labels, *config.groups))}
    truth = np.zeros((len(examples), len(place)), dtype=np.float32)
    for row, example in enumerate(examples):
        if example.judged is not None:
            truth[row, [at for name, at in place.items() if name not in example.judged]] = np.nan
        for label in example.labels:
            if label in config.groups:
                truth[row, [place[name] for name in config.labels if above.get(name) == label]] = np.nan
            for name in (label, above.get(label)):
                if name in place:
                    truth[row, place[name]] = 1.0
    return truth


def train(
    network: TextNetwork,
    reader: InputReader,
    examples: Sequence[Example],
    truth: npt.NDArray[np.float32],
    recipe: Recipe,
    *,
    allowed: Mapping[str, npt.NDArray[np.bool_]],
    frozen: bool = False,
    after_epoch: Callable[[int, TextNetwork, str], None] = lambda *_: None,
) -> TextNetwork:
    """The network, trained in place; its weights are the running average of the last steps.

    `truth` has the shape (examples, labels + groups) and may hold probabilities, as a teacher gives them. What is NaN
    is not counted, nor what `allowed` denies a role. `after_epoch` is told the number, the averaged network and a line
    of figures.
    """
    torch.manual_seed(recipe.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device)
    per_epoch = math.ceil(len(examples) / recipe.batch)
    steps = per_epoch * recipe.epochs
    optimiser = torch.optim.AdamW(_parameters(network, recipe, frozen=frozen), weight_decay=recipe.decay, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step / steps, recipe.warmup))
    average = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=_running(recipe.average))
    made = batches(Pools(examples, reader, recipe), makers=_MAKERS if device.type == "cuda" else 0)
    masks = {role: torch.tensor(mask, dtype=torch.float32) for role, mask in allowed.items()}
    loss_of = nn.BCEWithLogitsLoss(reduction="none")
    weights = torch.ones(truth.shape[1])
    weights[len(network.config.labels) :] = recipe.group_weight
    for epoch in range(1, recipe.epochs + 1):
        network.train()
        began, total = time.monotonic(), torch.zeros((), device=device)
        for rows, tokens in _shown(islice(made, per_epoch), f"epoch {epoch}", per_epoch):
            batch = padded(tokens, reader.pad)
            batch = Batch(*(part.to(device) for part in (batch.ids, batch.segments, batch.mask)))
            wanted = torch.tensor(truth[rows])
            known = ~wanted.isnan()
            wanted = wanted.nan_to_num() * (1 - recipe.smoothing) + recipe.smoothing / 2
            counted = torch.stack([masks[examples[row].line.role] for row in rows]) * weights * known
            with products(device.type):
                logits = network(batch)
            loss = (loss_of(logits.float(), wanted.to(device)) * counted.to(device)).sum() / len(rows)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            average.update_parameters(network)
            total += loss.detach() * len(rows)
        figures = f"loss {float(total) / len(examples):.3f}, {time.monotonic() - began:.0f} s"
        after_epoch(epoch, average.module.eval(), figures)
    network.load_state_dict(average.module.state_dict())
    return network.eval()


def predict(network: TextNetwork, reader: InputReader, turns: Sequence[TextInput], *, batch: int = 64) -> Tensor:
    """Probabilities of shape (turns, labels + groups), in single precision; of a long turn its first window only."""
    device = next(network.parameters()).device
    tokens = [reader.windows(turn)[0] for turn in turns]
    order = sorted(range(len(turns)), key=lambda at: len(tokens[at].ids))
    out = torch.zeros((len(turns), network.head.out_features))
    with torch.inference_mode(), products(device.type):
        for start in range(0, len(order), batch):
            rows = order[start : start + batch]
            made = padded([(tokens[row].ids, tokens[row].segments) for row in rows], reader.pad)
            made = Batch(*(part.to(device) for part in (made.ids, made.segments, made.mask)))
            out[rows] = torch.sigmoid(network(made).float()).cpu()
    return out


def _parameters(network: TextNetwork, recipe: Recipe, *, frozen: bool) -> list[dict[str, object]]:
    """Upper layers learn faster than lower ones, the head fastest."""
    layers = network.encoder.config.num_hidden_layers
    groups: dict[float, list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if name.startswith("head"):
            rate = recipe.head_rate
        elif frozen:
            parameter.requires_grad_(False)
            continue
        else:
            depth = int(name.split("layer.")[1].split(".")[0]) + 1 if ".layer." in name else 0
            rate = recipe.rate * recipe.layer_decay ** (layers - depth)
        groups.setdefault(rate, []).append(parameter)
    return [{"params": parameters, "lr": rate} for rate, parameters in groups.items()]


def _shown(steps: Iterable[Any], name: str, count: int) -> Iterable[Any]:
    """The steps, on a terminal with a bar of how far they are: an epoch takes minutes."""
    console = Console(stderr=True)
    return track(steps, name, total=count, console=console, transient=True, disable=not console.is_terminal)


def _running(most: float) -> Callable[[list[Tensor], list[Tensor], Tensor | int], None]:
    """An exponential average that forgets fast at first, while the weights still move far."""

    def average(old: list[Tensor], new: list[Tensor], count: Tensor | int) -> None:
        keep = min(most, (1 + float(count)) / (10 + float(count)))
        torch._foreach_lerp_(old, new, 1 - keep)

    return average


def _rate(done: float, warmup: float) -> float:
    return done / warmup if done < warmup else max(0.0, (1 - done) / (1 - warmup))
