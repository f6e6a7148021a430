"""A text model as a folder: a manifest, and for each language a network, its weights in eight bits and its tokenizer.

A weight matrix is kept as whole numbers of -127 to 127 with one scale a row, the rest in half precision; that is what
is measured and shipped. Nothing in the folder is code, so nothing is run by loading it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.errors import WeightsCorrupt, WeightsMissing
from models.text_input import InputReader
from models.text_network import NetworkConfig, TextNetwork

MANIFEST, CONFIG, WEIGHTS, TOKENIZER = "manifest.json", "config.json", "model.safetensors", "tokenizer.json"
ANY = "any"
"""The language of a network that reads all of them."""
_SCALE = ".scale"
_AGAIN = "Copy the whole folder again, or train it again with `make train`."


@dataclass(frozen=True, kw_only=True, slots=True)
class TextModel:
    """What a folder holds: networks and the files of their tokenizers, by language."""

    name: str
    version: str
    networks: Mapping[str, TextNetwork]
    tokenizers: Mapping[str, Path]


def save_model(folder: Path, name: str, networks: Mapping[str, tuple[TextNetwork, Path]]) -> None:
    """Each network with its tokenizer's file, and the manifest last: a folder without one is not finished.

    A language that the folder holds and that is not given stays as it is.
    """
    digest = hashlib.sha256()
    others = _manifest(folder)["languages"] if (folder / MANIFEST).is_file() else []
    # Whoever is killed from here on leaves an unfinished folder, not an old manifest over new weights.
    (folder / MANIFEST).unlink(missing_ok=True)
    for lang, (network, tokenizer) in sorted(networks.items()):
        part = folder / lang
        part.mkdir(parents=True, exist_ok=True)
        save_file(_packed(network.state_dict()), part / WEIGHTS)
        (part / WEIGHTS).chmod(0o644)
        config = json.dumps(asdict(network.config), ensure_ascii=False, indent=1)
        (part / CONFIG).write_text(config + "\n", encoding="utf-8")
        if tokenizer != part / TOKENIZER:
            (part / TOKENIZER).write_bytes(tokenizer.read_bytes())
    languages = sorted({*networks, *others})
    for part in (folder / lang for lang in languages):
        digest.update((part / WEIGHTS).read_bytes() + (part / TOKENIZER).read_bytes())
    manifest = {"name": name, "version": digest.hexdigest()[:12], "languages": languages}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")


def load_model(folder: Path, *, kind: torch.dtype = torch.float32) -> TextModel:
    """The networks, ready to predict with numbers of this kind; raises WeightsMissing and WeightsCorrupt."""
    if not (folder / MANIFEST).is_file():
        raise WeightsMissing(f"{folder} holds no text model: {MANIFEST} is missing. Train one with `make train`.")
    try:
        manifest = _manifest(folder)
        languages = [str(lang) for lang in manifest["languages"]]
        _check_whole(folder, languages)
        networks = {lang: _network(folder / lang, kind) for lang in languages}
        labels = {(network.config.labels, network.config.groups) for network in networks.values()}
        if len(labels) != 1:
            raise ValueError("the languages have different labels")
        tokenizers = {lang: folder / lang / TOKENIZER for lang in languages}
        for tokenizer in tokenizers.values():
            InputReader(tokenizer)  # Read now, so that a damaged one is told of here; it stays in memory.
        name, version = str(manifest["name"]), str(manifest["version"])
    except (ValueError, LookupError, TypeError, AttributeError, RuntimeError, OSError, SafetensorError) as error:
        problem = f"{folder} does not hold the text model it names ({type(error).__name__})."
        raise WeightsCorrupt(f"{problem} {_AGAIN}") from error
    return TextModel(name=name, version=version, networks=networks, tokenizers=tokenizers)


def _check_whole(folder: Path, languages: Sequence[str]) -> None:
    for file in (Path(lang, name) for lang in languages for name in (CONFIG, WEIGHTS, TOKENIZER)):
        if not (folder / file).is_file():
            raise WeightsMissing(f"{folder} is not whole: {file} is missing. {_AGAIN}")


def _manifest(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / MANIFEST).read_text(encoding="utf-8")))


def _network(folder: Path, kind: torch.dtype) -> TextNetwork:
    raw = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    config = NetworkConfig(labels=tuple(raw["labels"]), groups=tuple(raw["groups"]), encoder=raw["encoder"])
    network = TextNetwork(config).to(kind)
    _fill(network, load_file(folder / WEIGHTS))
    return network.eval()


def _packed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    packed: dict[str, Tensor] = {}
    for name, value in state.items():
        value = value.detach().float()
        if value.ndim != 2:
            packed[name] = value.to(torch.float16).contiguous()
            continue
        scale = (value.abs().amax(dim=1, keepdim=True) / 127).clamp(min=1e-8).to(torch.float16)
        packed[name] = torch.round(value / scale.float()).clamp(-127, 127).to(torch.int8).contiguous()
        packed[name + _SCALE] = scale.contiguous()
    return packed


def _fill(network: TextNetwork, packed: Mapping[str, Tensor]) -> None:
    """Unpacks one matrix at a time: all of them in single precision at once would be four times the file."""
    state = network.state_dict()
    if state.keys() != {name for name in packed if not name.endswith(_SCALE)}:
        raise ValueError("the weights are those of another network")
    for name, place in state.items():
        value = packed[name]
        if value.shape != place.shape:
            raise ValueError(f"{name} has another shape")
        place.copy_(value.float() * packed[name + _SCALE].float() if value.dtype == torch.int8 else value.float())
