"""The files of a policy version: gathered when it is brought, laid out on each machine that judges by it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.errors import InvalidInput
from pipeline.policy.pack import Pack, read_pack
from pipeline.policy.source import BadPolicy
from pipeline.services.regression import cases_files
from pipeline.store.folders import private_folder, write_whole

_LARGEST = 4_000_000


def bundle_of(pack: Pack) -> dict[str, str]:
    """The files that a pack brings itself, by their path beside its own; what ships with Forbear is not among them."""
    folder = pack.files[0].parent.resolve()
    inside = [file for file in (*pack.files, *cases_files(pack)) if file.resolve().is_relative_to(folder)]
    files = {file.resolve().relative_to(folder).as_posix(): file.read_text(encoding="utf-8") for file in inside}
    if sum(map(len, files.values())) > _LARGEST:
        raise InvalidInput(f"The files of this pack are larger than {_LARGEST:,} characters.", code="too_large")
    return files


def laid_out(folder: Path, main: str, files: Mapping[str, str]) -> Pack:
    """The pack of these files, written where they are not there yet; raises BadPolicy when it can't be read."""
    if not (folder / main).is_file():
        for name, text in files.items():
            file = folder / name
            if not file.resolve().is_relative_to(folder.resolve()):
                raise BadPolicy(f"{main}: a file of this version lies outside of its folder.")
            private_folder(file.parent)
            # The main file comes last: it tells that the others are there.
            if name != main:
                write_whole(file, text.encode())
        write_whole(folder / main, files[main].encode())
    return read_pack(folder / main)
