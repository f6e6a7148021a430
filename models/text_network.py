"""The network behind the text model: a BERT encoder, and a linear layer over [CLS] and the mean of the turn's words.

Its labels are names and nothing more here. torch comes with this module: who builds an adapter imports it then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertConfig, BertModel

TOKEN_STEP = 8
"""Turns are padded to multiples of so many tokens: PyTorch keeps what it prepared for every shape it has met, and of
shapes of all sizes that is hundreds of megabytes to read with, and gigabytes to learn with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkConfig:
    """`labels` are categories, `groups` what stands above them; `encoder` is BertConfig's own dictionary."""

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

    def __init__(self, config: NetworkConfig, encoder: BertModel | None = None) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder or BertModel(BertConfig(**config.encoder), add_pooling_layer=False)
        width = self.encoder.config.hidden_size
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(2 * width, len(config.labels) + len(config.groups))

    def forward(self, batch: Batch) -> Tensor:
        return self.head(self.dropout(self.features(batch)))

    def features(self, batch: Batch) -> Tensor:
        """[CLS] beside the mean over the turn's own tokens: shape (turns, 2 x width)."""
        hidden = self.encoder(
            input_ids=batch.ids,
            token_type_ids=batch.segments,
            attention_mask=batch.mask,
        ).last_hidden_state
        own = (batch.mask & (batch.segments == 0))[..., None].to(hidden.dtype)
        mean = (hidden * own).sum(1) / own.sum(1).clamp(min=1)
        return torch.cat([hidden[:, 0], mean], dim=-1)


def padded(rows: Sequence[tuple[Sequence[int], Sequence[int]]], pad: int, *, turns: int = 0) -> Batch:
    """Rows of (ids, segments) as one batch, as long as the longest by TOKEN_STEP, and of at least so many `turns`."""
    height, longest = max(turns, len(rows)), rounded(max(len(ids) for ids, _ in rows), TOKEN_STEP)
    ids = torch.full((height, longest), pad, dtype=torch.long)
    segments = torch.zeros((height, longest), dtype=torch.long)
    mask = torch.zeros((height, longest), dtype=torch.bool)
    for place, (row, kinds) in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
        segments[place, : len(row)] = torch.tensor(kinds)
        mask[place, : len(row)] = True
    return Batch(ids, segments, mask)


def rounded(count: int, step: int) -> int:
    """Up to a multiple of the step."""
    return -(-count // step) * step
