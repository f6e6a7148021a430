"""The text model from reading to explaining, on a network that is trained in seconds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from models import half_precision
from models.datasets.dialogues import Example
from models.errors import WeightsCorrupt, WeightsMissing
from models.line import Line
from models.recipe import Recipe
from models.text import TextClassifier
from models.text_files import CONFIG, MANIFEST, TOKENIZER, WEIGHTS, load_model, save_model
from models.text_input import TEXT_TOKENS, InputReader, TextInput, fold
from models.text_network import TOKEN_STEP, TextNetwork, padded
from models.training import learning_again, predict, targets, train
from models.training_batches import Pools, batches
from tests.unit.tiny_text_model import ABOVE, GROUPS, LABELS, saved, tiny_network, tokenizer_in

WORDS = ("jail", "job", "lost", "you", "will", "go", "to", "my", "i", "hello", "tomorrow", "pay", "thanks", "bye")


def example(role: str, text: str, *labels: str) -> Example:
    return Example(source="test", number=1, lang="en", line=Line(role, text), labels=frozenset(labels))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learnt two words."""
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    network = tiny_network(WORDS)
    reader = InputReader(tokenizer_in(folder, WORDS))
    examples = [
        *[example("agent", f"you will go to jail {end}", "threat.arrest") for end in ("", "tomorrow", "bye", "thanks")],
        *[example("customer", f"i lost my job {end}", "distress.job_loss") for end in ("", "bye", "thanks", "hello")],
        *[example("agent", f"hello {end}") for end in ("thanks", "bye", "you will pay tomorrow", "go")],
        *[example("customer", f"i will pay {end}") for end in ("tomorrow", "bye", "thanks", "you")],
    ]
    taught(network, reader, examples)
    return saved(folder, network, WORDS)


def taught(network: TextNetwork, reader: InputReader, examples: Sequence[Example]) -> None:
    everything = np.ones(len(LABELS) + len(GROUPS), dtype=bool)
    recipe = Recipe(epochs=40, batch=8, rate=3e-3, noise=0.0, merge=0.0, hidden_words=0.0, average=0.9)
    allowed = {"agent": everything, "customer": everything, "unknown": everything}
    train(network, reader, examples, targets(examples, network, ABOVE), recipe, allowed=allowed)


def test_it_learns_and_says_so_in_any_order(folder: Path) -> None:
    model = TextClassifier(folder)
    turns = [
        TextInput(role="agent", text="You will go to jail."),
        TextInput(role="customer", text="I lost my job, thanks"),
        TextInput(role="agent", text="Hello, thanks."),
    ]
    found = model.probabilities(turns)
    assert found.shape == (3, 4)
    assert found[0, 0] > 0.7 and found[0, 2] > 0.7 and found[0, 1] < 0.3
    assert found[1, 1] > 0.7 and found[2].max() < 0.4
    again = model.probabilities(turns[::-1])[::-1]
    assert np.allclose(found, again, atol=0.02)


def test_it_goes_on_learning_and_the_model_it_came_from_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # In half precision two ways to attend differ by more than what is asked here.
    monkeypatch.setattr(half_precision, "is_fast_in_half", lambda: False)
    known = load_model(folder)
    (before,), (tokenizer,) = known.networks.values(), known.tokenizers.values()
    reader = InputReader(tokenizer)
    turns = [TextInput(role="agent", text=text) for text in ("hello thanks bye", "you will go to jail")]
    said = predict(before, reader, turns).numpy()
    network = learning_again(before)
    assert np.allclose(predict(network.eval(), reader, turns).numpy(), said, atol=1e-5)

    examples = [
        example("agent", text, "threat.arrest") for text in ("hello thanks bye", "you will go to jail tomorrow")
    ]
    taught(network, reader, examples * 4)
    learnt = predict(network, reader, turns).numpy()
    assert said[0, 0] < 0.4 and learnt[0, 0] > 0.7 and learnt[1, 0] > 0.7
    assert np.array_equal(predict(before, reader, turns).numpy(), said)


def test_batches_are_the_same_however_many_processes_make_them(tmp_path: Path) -> None:
    reader = InputReader(tokenizer_in(tmp_path, WORDS))
    examples = [example("customer", f"i lost my job {' '.join(WORDS[: at % 9])}") for at in range(250)]
    recipe = Recipe(epochs=2, batch=2, noise=1.0, merge=0.5, hidden_words=0.3)
    pools = Pools(examples, reader, recipe)
    alone, beside = (list(batches(pools, makers=makers)) for makers in (0, 2))
    assert alone == beside
    assert len(alone) == 250
    first, second = alone[:125], alone[125:]
    for epoch in (first, second):
        assert sorted(row for rows, _ in epoch for row in rows) == list(range(250))
    assert first != second


def test_a_long_turn_is_read_to_its_end(folder: Path) -> None:
    reader = InputReader(folder / "any" / "tokenizer.json")
    long = TextInput(role="agent", text="hello thanks " * TEXT_TOKENS + "you will go to jail")
    windows = reader.windows(long)
    (end,) = reader.windows(TextInput(role="agent", text="you will go to jail"))
    assert len(windows) > 2 and all(len(w.ids) <= TEXT_TOKENS + 3 for w in windows)
    assert windows[-1].ids[-6:] == end.ids[-6:]
    made = padded([(window.ids, window.segments) for window in windows], reader.pad)
    assert made.ids.shape[1] % TOKEN_STEP == 0 and not made.mask[-1].all(), "of few lengths, padding told apart"
    each = torch.sigmoid(load_model(folder).networks["any"](made)).detach().numpy()
    found = TextClassifier(folder).probabilities([long])[0]
    assert found == pytest.approx(each.max(axis=0), abs=0.02)
    assert found[0] > 1.2 * each[:-1, 0].max(), "the threat stands in the last window alone"


def test_the_words_that_carried_it_are_named(folder: Path) -> None:
    model = TextClassifier(folder)
    words = ["hello,", " you", " will", " go", " to", " jail."]
    turn = TextInput(role="agent", text="".join(words))
    weights = model.carried(turn, words, "threat.arrest")
    assert len(weights) == len(words)
    assert sum(w for w in weights if w > 0) == pytest.approx(1.0)
    assert int(np.argmax(weights)) in (3, 4, 5)


def test_no_words_and_no_turns(folder: Path) -> None:
    model = TextClassifier(folder)
    assert model.probabilities([]).shape == (0, 4)
    turns = [
        TextInput(role="unknown", text=" … "),
        TextInput(role="agent", text="坐牢"),
        TextInput(role="agent", text=""),
    ]
    found = model.probabilities(turns)
    assert found.shape == (3, 4) and not found[[0, 2]].any() and found[1].all(), "Chinese characters are words"
    assert model.nearest(TextInput(role="agent", text="jail"), "no.such_label", 2) == []


def test_what_is_saved_says_the_same(folder: Path) -> None:
    network = tiny_network(WORDS)
    other = saved(folder.parent / "other", network, WORDS)
    reader = InputReader(other / "any" / "tokenizer.json")
    turn = TextInput(role="agent", text="you will pay")
    before = predict(network.eval(), reader, [turn]).numpy()
    assert np.allclose(before, TextClassifier(other).probabilities([turn]), atol=0.03)


def test_a_language_that_is_not_trained_anew_stays_as_it_is(tmp_path: Path) -> None:
    folder, words = tmp_path / "model", tokenizer_in(tmp_path / "words", WORDS)
    save_model(folder, "tiny", {lang: (tiny_network(WORDS), words) for lang in ("en", "zh")})
    before = {lang: (folder / lang / WEIGHTS).read_bytes() for lang in ("en", "zh")}
    first = load_model(folder)
    save_model(folder, "tiny", {"en": (tiny_network(WORDS), words)})
    second = load_model(folder)
    assert set(second.networks) == {"en", "zh"} and second.version != first.version
    assert (folder / "zh" / WEIGHTS).read_bytes() == before["zh"]
    assert (folder / "en" / WEIGHTS).read_bytes() != before["en"]


@pytest.mark.parametrize(("capable", "fast"), [({"avx512_bf16": True}, True), ({"avx512_f": True}, False), ({}, False)])
def test_half_precision_is_for_processors_that_have_it(
    monkeypatch: pytest.MonkeyPatch, capable: dict[str, object], fast: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capable)
    half_precision.is_fast_in_half.cache_clear()
    try:
        assert half_precision.is_fast_in_half() is fast
        assert isinstance(half_precision.products(), torch.autocast) is fast
    finally:
        half_precision.is_fast_in_half.cache_clear()


def test_missing_and_broken_weights_are_told(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="make train"):
        TextClassifier(tmp_path)
    broken = saved(tmp_path / "broken", tiny_network(WORDS), WORDS)
    config = json.loads((broken / "any" / "config.json").read_text(encoding="utf-8"))
    config["encoder"]["hidden_size"] = 64
    (broken / "any" / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(WeightsCorrupt, match="make train"):
        TextClassifier(broken)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, TOKENIZER])
def test_a_file_that_is_missing_is_named(folder: Path, tmp_path: Path, name: str) -> None:
    part = Path(shutil.copytree(folder, tmp_path / "model")) / "any"
    (part / name).unlink()
    with pytest.raises(WeightsMissing, match=rf"any/{name} is missing.*make train"):
        TextClassifier(part.parent)


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, TOKENIZER])
def test_a_file_that_was_cut_off_is_told(folder: Path, tmp_path: Path, name: str) -> None:
    part = Path(shutil.copytree(folder, tmp_path / "model")) / "any"
    whole = (part / name).read_bytes()
    (part / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsCorrupt, match="make train"):
        TextClassifier(part.parent)


@pytest.mark.parametrize("manifest", ["[]", "{}", '{"languages": ["any"]}', "{"])
def test_a_manifest_that_names_no_model_is_told(folder: Path, tmp_path: Path, manifest: str) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "model"))
    (copy / MANIFEST).write_text(manifest, encoding="utf-8")
    with pytest.raises(WeightsCorrupt, match="make train"):
        TextClassifier(copy)


def test_a_tokenizer_without_our_tokens_is_told(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "model"))
    file = copy / "any" / TOKENIZER
    file.write_text(file.read_text(encoding="utf-8").replace("[unused1]", "[other]"), encoding="utf-8")
    with pytest.raises(WeightsCorrupt):
        TextClassifier(copy)
    with pytest.raises(ValueError, match=r"no \[unused1\]"):
        InputReader(file)


def test_a_reader_names_the_file_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        InputReader(tmp_path / TOKENIZER)
    assert caught.value.filename == str(tmp_path / TOKENIZER)


def test_a_folder_with_one_language_is_refused(tmp_path: Path) -> None:
    """Turns in the other one would find nothing, and nobody would be told."""
    folder, words = tmp_path / "model", tokenizer_in(tmp_path / "words", WORDS)
    save_model(folder, "tiny", {"zh": (tiny_network(WORDS), words)})
    with pytest.raises(WeightsCorrupt, match="--languages en"):
        TextClassifier(folder)
    save_model(folder, "tiny", {"en": (tiny_network(WORDS), words)})
    assert TextClassifier(folder).labels == LABELS


def test_words_are_weighed_by_the_network_that_reads_the_whole_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, words = tmp_path / "model", tokenizer_in(tmp_path / "words", WORDS)
    save_model(folder, "tiny", {lang: (tiny_network(WORDS), words) for lang in ("en", "zh")})
    turn, said = TextInput(role="agent", text="go 坐牢"), ["go", " 坐牢"]
    model, chinese = TextClassifier(folder), TextClassifier(folder)
    monkeypatch.setattr(chinese, "_language", lambda _turn: "zh")
    for label in LABELS:
        assert model.carried(turn, said, label) == chinese.carried(turn, said, label)


def test_who_is_killed_while_saving_leaves_no_model(tmp_path: Path) -> None:
    folder, words = tmp_path / "model", tokenizer_in(tmp_path / "words", WORDS)
    save_model(folder, "tiny", {lang: (tiny_network(WORDS), words) for lang in ("en", "zh")})
    with pytest.raises(FileNotFoundError):
        save_model(folder, "tiny", {"zh": (tiny_network(WORDS), tmp_path / "no tokenizer")})
    with pytest.raises(WeightsMissing, match=MANIFEST):
        load_model(folder)


def test_the_nearest_turn_before_stands_first_and_roles_are_tokens(tmp_path: Path) -> None:
    reader = InputReader(tokenizer_in(tmp_path, WORDS))
    turn = TextInput(role="customer", text="my job", context=(Line("agent", "hello"), Line("customer", "bye")))
    (window,) = reader.windows(turn)
    ids = list(window.ids)
    alone = reader.windows(TextInput(role="customer", text="my job"))[0]
    assert ids[: len(alone.ids)] == list(alone.ids)
    assert window.segments == (0,) * len(alone.ids) + (1,) * (len(ids) - len(alone.ids))
    bye, hello = (reader.windows(TextInput(role="agent", text=t))[0].ids[2] for t in ("bye", "hello"))
    assert ids.index(bye) < ids.index(hello)
    other = reader.windows(TextInput(role="agent", text="my job"))[0]
    assert other.ids[1] != alone.ids[1] and other.ids[2:] == alone.ids[2:]


def test_traditional_characters_read_as_simplified() -> None:
    assert fold("還錢　ＯＫ") == "还钱 OK"


def test_a_label_that_is_a_group_leaves_open_which_of_its_labels() -> None:
    """Public text says no more than the group, and must not teach that none of the labels under it is meant."""
    network = tiny_network(WORDS)
    said = Example(source="s", number=1, lang="en", line=Line("agent", "you"), labels=frozenset({GROUPS[0]}))
    (row,) = targets([said], network, ABOVE)
    under = [ABOVE.get(label) == GROUPS[0] for label in LABELS]
    assert np.isnan(row[: len(LABELS)]).tolist() == under and any(under) and not all(under)
    assert row[len(LABELS) :].tolist() == [1.0] + [0.0] * (len(GROUPS) - 1)


def test_what_was_not_judged_is_left_open() -> None:
    network = tiny_network(WORDS)
    said = Example(source="s", number=1, lang="en", line=Line("customer", "you"), judged=frozenset({LABELS[1]}))
    (row,) = targets([said], network, ABOVE)
    assert row[1] == 0 and np.isnan(np.delete(row, 1)).all()


@pytest.mark.parametrize("count", [1, 2, 7, 40])
def test_padding_to_few_shapes_changes_nothing(folder: Path, count: int) -> None:
    model = TextClassifier(folder)
    turns = [
        TextInput(role="agent", text="you will go to jail"),
        *[TextInput(role="customer", text="i lost my job " + "thanks " * (at % 9)) for at in range(count - 1)],
    ]
    together = model.probabilities(turns)
    alone = np.concatenate([model.probabilities([turn]) for turn in turns])
    assert np.isfinite(together).all() and np.allclose(together, alone, atol=0.02)
