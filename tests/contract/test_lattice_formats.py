"""Contract of every lattice format: its examples read as the lattice that was written by hand, nothing is lost without
a line in the report, and a damaged file is an error of the package.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from ssmb.errors import LatticeError, SsmbError, SsmbWarning
from ssmb.io import FORMATS, format_of, load_lattice, read_lattice
from ssmb.lattice import Lattice, lattice_text
from ssmb.lattice import load_lattice as load_pals

CASES = [(name, i) for name, one in sorted(FORMATS.items()) for i in range(len(one.examples()))]


def written(tmp_path: Path, name: str, i: int) -> tuple[Path, Lattice]:
    """An example in a file, and its lattice."""
    text, lattice = FORMATS[name].examples()[i]
    path = tmp_path / f"example{FORMATS[name].suffixes[0]}"
    path.write_text(text)
    return path, lattice


@pytest.mark.parametrize(("name", "i"), CASES)
def test_example_is_the_lattice(name: str, i: int, tmp_path: Path) -> None:
    path, lattice = written(tmp_path, name, i)
    assert format_of(path) is FORMATS[name]
    read = read_lattice(path)
    assert read.lattice == lattice and read.report.format == name
    assert load_pals(lattice_text(read.lattice)) == lattice  # what is read can be kept


@pytest.mark.parametrize(("name", "i"), CASES)
def test_report_names_each_attribute_once(name: str, i: int, tmp_path: Path) -> None:
    path, _ = written(tmp_path, name, i)
    report = read_lattice(path).report
    assert len({(c.element, c.attribute) for c in report.changes}) == len(report.changes)
    assert all(c.words for c in report.changes if c.outcome != "kept")
    told = report.of("changed") + report.of("dropped")
    assert all(c.attribute in report.text() for c in told)
    assert report.as_dict()["kept"] + len(told) == len(report.changes)


@pytest.mark.parametrize(("name", "i"), CASES)
def test_loss_is_told(name: str, i: int, tmp_path: Path) -> None:
    path, lattice = written(tmp_path, name, i)
    report = read_lattice(path).report
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert load_lattice(path) == lattice
    told = [w for w in caught if issubclass(w.category, SsmbWarning) and str(path) in str(w.message)]
    assert bool(told) == bool(report.of("changed") or report.of("dropped"))
    if report.of("dropped"):
        with pytest.raises(LatticeError, match="no counterpart"):
            load_lattice(path, strict=True)


@pytest.mark.parametrize(("name", "i"), CASES)
def test_damaged_file_is_an_error_of_the_package(name: str, i: int, tmp_path: Path) -> None:
    """Cut off anywhere, and with a number that is none: a lattice, or an SsmbError that names the file."""
    text, _ = FORMATS[name].examples()[i]
    path = tmp_path / f"damaged{FORMATS[name].suffixes[0]}"
    pieces = [text[:k] for k in range(0, len(text), max(1, len(text) // 60))]
    digits = [k for k, c in enumerate(text) if c.isdigit()]
    pieces += [
        text[:k] + new + text[k + 1 :] for k in digits[:: max(1, len(digits) // 30)] for new in ("NaN", '"x"', "1e999")
    ]
    failed = 0
    for piece in pieces:
        path.write_text(piece)
        try:
            read_lattice(path)
        except SsmbError as error:
            assert str(path) in str(error)
            failed += 1
    assert failed > len(pieces) // 3


def test_unknown_name_says_what_is_known(tmp_path: Path) -> None:
    path = tmp_path / "ring.jsn"
    path.write_text("{}")
    with pytest.raises(LatticeError, match=r"'\.jsn'.*AT \(\.json\).*Did you mean|'\.jsn'.*AT \(\.json\)"):
        load_lattice(path)
    path.write_text(FORMATS["PALS"].examples()[0][0])  # PALS may have any name
    assert load_lattice(path) == FORMATS["PALS"].examples()[0][1]
