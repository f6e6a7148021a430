"""One encoder for two languages: a Chinese one whose vocabulary is extended by the word pieces of an English one.

The vectors of new pieces are carried over by the linear map that fits the pieces both vocabularies have; then the
joined encoder learns to place English sentences where the English one places them (Reimers and Gurevych 2020 do so for
translations).
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoModel, BertConfig, BertModel

from models.half_precision import products
from models.text_network import padded
from models.training import UNDISTURBED
from models.word_pieces import living_pieces, read_vocabulary, tokenizer_of


def joined(chinese: Path, english: Path, pieces: Sequence[str]) -> tuple[BertModel, Tokenizer]:
    """The Chinese encoder with `pieces` of the English one added, and its tokenizer."""
    zh_words, en_words = read_vocabulary(chinese), read_vocabulary(english)
    zh, en = (AutoModel.from_pretrained(folder, dtype=torch.float32) for folder in (chinese, english))
    kept = living_pieces(zh_words)
    added = [token for token in pieces if token not in set(zh_words)]
    zh_at = {token: at for at, token in enumerate(zh_words)}
    en_at = {token: at for at, token in enumerate(en_words)}
    zh_vectors, en_vectors = (m.get_input_embeddings().weight.detach() for m in (zh, en))
    shared = [token for token in zh_words if token in en_at and re.search(r"[a-z]", token)]
    carry = _ridge(en_vectors[[en_at[t] for t in shared]], zh_vectors[[zh_at[t] for t in shared]])
    carried = en_vectors[[en_at[t] for t in added]]
    carried = torch.cat([carried, torch.ones(len(added), 1)], 1) @ carry
    vectors = torch.cat([zh_vectors[[zh_at[t] for t in kept]], carried])
    config = BertConfig(**{**zh.config.to_dict(), **UNDISTURBED, "vocab_size": len(vectors)})
    encoder = BertModel(config, add_pooling_layer=False)
    state = {k: v for k, v in zh.state_dict().items() if "word_embeddings" not in k and "pooler" not in k}
    encoder.load_state_dict(state, strict=False)
    encoder.get_input_embeddings().weight.data.copy_(vectors)
    return encoder, tokenizer_of([*kept, *added])


def _ridge(source: Tensor, target: Tensor, penalty: float = 1.0) -> Tensor:
    """Weights of shape (width of source + 1, width of target), the last row the intercept."""
    x = torch.cat([source, torch.ones(len(source), 1)], 1)
    return torch.linalg.solve(x.T @ x + penalty * torch.eye(x.shape[1]), x.T @ target)


def align(
    encoder: BertModel,
    tokenizer: Tokenizer,
    english: Path,
    texts: Sequence[str],
    *,
    chinese_texts: Sequence[str] = (),
    epochs: int = 1,
    batch: int = 48,
    rate: float = 1.5e-4,
    longest: int = 48,
    seed: int = 7,
    told: Callable[[str], None] = lambda _: None,
) -> float:
    """Teaches the encoder to give English sentences the vectors of the English one, through a map that is thrown away.

    Chinese sentences keep the vectors that they have, so that nothing is forgotten. Returns how far from the wanted
    vectors the last batches were, as one minus the cosine.
    """
    draw = random.Random(seed)
    torch.manual_seed(seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    encoder.to(device)
    teacher = AutoModel.from_pretrained(english, dtype=torch.float32).to(device).eval()
    wanted_en = _vectors(teacher, tokenizer_of(read_vocabulary(english)), texts, longest)
    wanted_zh = _vectors(encoder.eval(), tokenizer, chinese_texts, longest)
    there = nn.Linear(encoder.config.hidden_size, teacher.config.hidden_size, bias=False).to(device)
    words = list(encoder.get_input_embeddings().parameters())
    rest = [p for p in encoder.parameters() if all(p is not w for w in words)]
    optimiser = torch.optim.AdamW(
        [{"params": rest, "lr": rate}, {"params": words, "lr": 3 * rate}, {"params": there.parameters(), "lr": 1e-3}]
    )
    jobs = [("en", at) for at in range(len(texts))] + [("zh", at) for at in range(len(chinese_texts))]
    steps = (len(jobs) * epochs) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, [rate, 3 * rate, 1e-3], total_steps=steps + epochs + 1, pct_start=0.05
    )
    encoder.train()
    step, smooth = 0, 0.0
    for _ in range(epochs):
        draw.shuffle(jobs)
        for start in range(0, len(jobs) - batch + 1, batch):
            part = jobs[start : start + batch]
            said = [texts[at] if lang == "en" else chinese_texts[at] for lang, at in part]
            is_en = torch.tensor([lang == "en" for lang, _ in part], device=device)
            with products(device.type):
                got = _first(encoder, tokenizer, said, longest)
            loss = torch.zeros((), device=device)
            for mask, mapped, wanted in (
                (is_en, there(got.float()), [wanted_en[at] for lang, at in part if lang == "en"]),
                (~is_en, got.float(), [wanted_zh[at] for lang, at in part if lang == "zh"]),
            ):
                if wanted:
                    near = nn.functional.cosine_similarity(mapped[mask], torch.stack(wanted).to(device), dim=-1)
                    loss = loss + (1 - near).sum() / len(part)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(rest + words, 1.0)
            optimiser.step()
            schedule.step()
            step += 1
            smooth = float(loss.detach()) if step == 1 else 0.98 * smooth + 0.02 * float(loss.detach())
            if step % 200 == 0:
                told(f"aligning: step {step} of {steps}, distance {smooth:.3f}")
    encoder.to("cpu").eval()
    return smooth


def _vectors(model: BertModel, tokenizer: Tokenizer, texts: Sequence[str], longest: int) -> Tensor:
    order = np.argsort([len(t) for t in texts])
    out = torch.zeros((len(texts), model.config.hidden_size))
    with torch.inference_mode(), products(model.device.type):
        for start in range(0, len(order), 64):
            rows = order[start : start + 64].tolist()
            out[rows] = _first(model, tokenizer, [texts[row] for row in rows], longest).float().cpu()
    return out


def _first(model: BertModel, tokenizer: Tokenizer, texts: Sequence[str], longest: int) -> Tensor:
    cls, sep = (tokenizer.token_to_id(t) for t in ("[CLS]", "[SEP]"))
    rows = []
    for text in texts:
        ids = [cls, *tokenizer.encode(text, add_special_tokens=False).ids[: longest - 2], sep]
        rows.append((ids, [0] * len(ids)))
    batch = padded(rows, tokenizer.token_to_id("[PAD]"))
    ids, mask = batch.ids.to(model.device), batch.mask.to(model.device)
    return model(input_ids=ids, attention_mask=mask).last_hidden_state[:, 0]
