"""The network behind the text model: a BERT encoder, and a linear layer over [CLS] and the mean of the turn's words.

Its labels are names and nothing more here. torch comes with this module: who builds an adapter imports it then.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from models.errors import WeightsCorrupt, WeightsMissing

_CONFIG, _WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class TextModelConfig:
    """`labels` are categories first, then the groups above them; `encoder` is BertConfig's own dictionary."""

    name: str
    version: str
    labels: tuple[str, ...]
    groups: tuple[str, ...]
    encoder: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded token ids, all of shape (turns, tokens); `mask` is False on padding."""

    ids: Tensor
    segments: Tensor
    mask: Tensor


class TextNetwork(nn.Module):
    """Logits of shape (turns, labels + groups)."""

    def __init__(self, config: TextModelConfig, encoder: BertModel | None = None) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder or BertModel(BertConfig(**config.encoder), add_pooling_layer=False)
        width = self.encoder.config.hidden_size
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(2 * width, len(config.labels) + len(config.groups))

    def forward(self, batch: Batch) -> Tensor:
        return self.head(self.dropout(self.features(batch)))

    def features(self, batch: Batch, embedded: Tensor | None = None) -> Tensor:
        """[CLS] beside the mean over the turn's own tokens: shape (turns, 2 x width).

        `embedded` are the embedded token ids where somebody wants gradients with respect to them.
        """
        hidden = self.encoder(
            input_ids=batch.ids if embedded is None else None,
            inputs_embeds=embedded,
            token_type_ids=batch.segments,
            attention_mask=batch.mask,
        ).last_hidden_state
        own = (batch.mask & (batch.segments == 0))[..., None].to(hidden.dtype)
        mean = (hidden * own).sum(1) / own.sum(1).clamp(min=1)
        return torch.cat([hidden[:, 0], mean], dim=-1)

    def embedded(self, batch: Batch) -> Tensor:
        """The word vectors of a batch: shape (turns, tokens, width)."""
        return self.encoder.get_input_embeddings()(batch.ids)


def padded(rows: Sequence[tuple[Sequence[int], Sequence[int]]], pad: int) -> Batch:
    """Rows of (ids, segments) as one batch, as long as the longest."""
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), longest), pad, dtype=torch.long)
    segments = torch.zeros((len(rows), longest), dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.bool)
    for place, (row, kinds) in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
        segments[place, : len(row)] = torch.tensor(kinds)
        mask[place, : len(row)] = True
    return Batch(ids, segments, mask)


def save(network: TextNetwork, folder: Path) -> None:
    """Configuration and weights, as half-precision floats."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().to(torch.float16).contiguous() for name, value in network.state_dict().items()}
    save_file(weights, folder / _WEIGHTS)
    text = json.dumps(asdict(network.config), ensure_ascii=False, indent=1)
    (folder / _CONFIG).write_text(text + "\n", encoding="utf-8")


def load(folder: Path) -> TextNetwork:
    """The network in single precision, ready to predict; raises WeightsMissing and WeightsCorrupt."""
    for name in (_CONFIG, _WEIGHTS, TOKENIZER):
        if not (folder / name).is_file():
            raise WeightsMissing(f"{folder} holds no text model: {name} is missing. Train one with `make train`.")
    try:
        raw = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
        config = TextModelConfig(**{**raw, "labels": tuple(raw["labels"]), "groups": tuple(raw["groups"])})
        network = TextNetwork(config)
        network.load_state_dict({k: v.float() for k, v in load_file(folder / _WEIGHTS).items()})
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise WeightsCorrupt(f"{folder} does not hold the text model it names: {type(error).__name__}.") from error
    return network.eval()
