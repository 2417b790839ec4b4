"""Files of ours with a right seal and wrong contents: what is read is sound, or an error of ours says what is wrong.

Many more: ``python benchmarks/fuzz.py --only hdf5``.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from ssmb.errors import ResultFileError, SsmbError
from ssmb.studies import resume
from ssmb.studies.runner import load_result
from tests.robustness.contents import Sealed, edited, sealed_files

#: Changed files of each kind.
FILES = 25


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Sealed]:
    return {file.name: file for file in sealed_files(tmp_path_factory.mktemp("files"))}


@pytest.mark.parametrize("name", ("run", "particles", "stage", "checkpoint"))
def test_contents_that_nobody_wrote(files: dict[str, Sealed], name: str) -> None:
    chance = random.Random(name)
    found = [files[name].changed(chance) for _ in range(FILES)]
    assert [one for one in found if one[1] not in ("refused", "result")] == []
    assert sum(kind == "refused" for _, kind, _ in found) > FILES // 4


def test_one_kind_in_the_place_of_another(files: dict[str, Sealed], tmp_path: Path) -> None:
    folder = files["run"].path.parent
    shutil.copytree(folder, tmp_path / "out")
    shutil.copy(folder / "particles" / "final.h5", tmp_path / "out" / "run.h5")
    with pytest.raises(SsmbError, match="holds 'particles', wanted is 'run'"):
        load_result(tmp_path / "out")
    with pytest.raises(SsmbError, match="'particles'"):
        resume(tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "place", "words"),
    [
        ("stage", "found/mu", "holds no number where there must be one: "),
        ("run", "optics/qx", "holds no number where there must be one: "),
    ],
)
def test_what_is_not_a_number_is_refused(files: dict[str, Sealed], name: str, place: str, words: str) -> None:
    file = files[name]

    def change(contents: object) -> None:
        contents[place][...] = np.nan  # type: ignore[index]

    try:
        edited(file.path, change)
        with pytest.raises(ResultFileError, match=words):
            file.read()
    finally:
        file.path.write_bytes(file.sound)
