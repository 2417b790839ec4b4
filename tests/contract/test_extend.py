"""The pages of docs/extend: each example, copied into a copy of the package, passes its contract and is found
everywhere.

Nothing but the one file of a page is added, so that adding costs one file: what is missing anywhere else fails here.
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from tests.support import assert_close

REPOSITORY = Path(__file__).parents[2]
PAGES = REPOSITORY / "docs" / "extend"
_BLOCK = re.compile(r"^```(?:python|csv)\n# (\S+)\n(.*?)^```$", flags=re.M | re.S)

#: page -> the name of its example, and the tests that are its contract
EXAMPLES = {
    "element": ("SSMB_ThinLens", ("contract/test_elements.py", "contract/test_by_hand.py")),
    "scheme": ("two_colours", ("contract/test_schemes.py",)),
    "monitor": ("chirp_of_beam", ("contract/test_monitors.py", "contract/test_one_file.py")),
    "effect": ("loss_factor", ("contract/test_effects.py",)),
    "part": ("window", ("contract/test_parts.py",)),
    "study": ("tune_shift", ()),  # by its run below
    "importer": ("table_csv", ("contract/test_lattice_formats.py",)),
    "data_row": ("euv_sources", ("lithography/test_tables.py",)),
}


def example_of(page: str) -> tuple[str, str]:
    """Return the path that the one block of a page names, and its text."""
    ((path, text),) = _BLOCK.findall((PAGES / f"{page}.md").read_text())
    return path, text


def run(root: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command of Python in the extended copy."""
    environment = {**os.environ, "PYTHONPATH": str(root), "MPLBACKEND": "Agg"}
    return subprocess.run(
        [sys.executable, *command], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the package and its tests with every example in it."""
    root = tmp_path_factory.mktemp("extended")
    for name in ("ssmb", "tests"):
        shutil.copytree(REPOSITORY / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", root)
    for page in EXAMPLES:
        path, text = example_of(page)
        if path.endswith(".csv"):
            assert (root / path).exists()
            with (root / path).open("a") as table:
                table.write(text)
        else:
            assert not (root / path).exists(), f"{path} is there already"
            (root / path).write_text(text)
    return root


@pytest.fixture(scope="module")
def outcomes(extended: Path) -> list[tuple[str, str]]:
    """Return (name of a test with its file, outcome) of the contracts, run in the copy for the examples alone."""
    files = sorted({f"tests/{f}" for _, contract in EXAMPLES.values() for f in contract})
    names = " or ".join(name for name, _ in EXAMPLES.values())
    report = extended / "report.xml"
    done = run(extended, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", "-k", names, *files)
    assert report.exists(), done.stdout[-3000:] + done.stderr[-3000:]
    found = []
    for case in ET.parse(report).getroot().iter("testcase"):
        bad = [child.tag for child in case if child.tag in ("failure", "error")]
        skipped = any(child.tag == "skipped" for child in case)
        found.append(
            (f"{case.get('classname')}::{case.get('name')}", bad[0] if bad else "skipped" if skipped else "passed")
        )
    assert done.returncode == 0, done.stdout[-6000:]
    return found


def test_every_page_is_tested() -> None:
    assert {p.stem for p in PAGES.glob("*.md")} - {"README"} == set(EXAMPLES)
    for page in EXAMPLES:
        assert f"({page}.md)" in (PAGES / "README.md").read_text()


@pytest.mark.parametrize("page", EXAMPLES)
def test_example_passes_its_contract(page: str, outcomes: list[tuple[str, str]]) -> None:
    name, contract = EXAMPLES[page]
    for file in contract:
        module = "tests." + file.removesuffix(".py").replace("/", ".")
        mine = [how for test, how in outcomes if test.startswith(module + "::") and name in test]
        assert mine.count("passed") >= 2 and set(mine) <= {"passed", "skipped"}, (file, mine)


_FOUND = """
import contextlib, io, json, sys
import numpy
from pathlib import Path
import ssmb
from ssmb.cli.main import main

def said(*words):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(list(words)) in (0, None), words
    return out.getvalue()

from ssmb.collective import EFFECTS
from ssmb.elements import ELEMENTS, Drift
from ssmb.facility import PARTS
from ssmb.studies.records import numbers_of
from ssmb.schemes import SCHEMES

lens = ELEMENTS["SSMB_ThinLens"]
ring = ssmb.Lattice.from_elements(
    [lens(name="qf", k1l=0.3), Drift(name="d", length=1.0), lens(name="qd", k1l=-0.3), Drift(name="e", length=1.0)],
    ssmb.Reference(1e9),
)
ssmb.save_lattice(ring, "fodo.pals.yaml")
Path("wrong.pals.yaml").write_text(Path("fodo.pals.yaml").read_text().replace("k1l", "k1"))
figure = ssmb.plot(SCHEMES["two_colours"].examples()[0])
from ssmb.tracking.monitors import MONITORS
(chirp,) = MONITORS["chirp_of_beam"].examples("d", "")
effect, _ = EFFECTS["loss_factor"].examples()[0]
beam = ssmb.Beam.gaussian(ring.reference, n=100, charge=1e-9, sigma=numpy.diag([1e-8, 1e-10, 1e-8, 1e-10, 1e-6, 1e-8]))
rows = numpy.zeros((6, 101))
rows[4] = numpy.linspace(-1e-3, 1e-3, 101)
rows[5] = 0.3 * rows[4]
window, power = PARTS["window"].examples()[0]
Path("tunes.run.yaml").write_text("lattice: fodo.pals.yaml\\ntune_shift: {largest: 0.01}\\n")
run = json.loads(said("run", "tunes.run.yaml", "--json"))
tunes = ssmb.load_result("runs/tunes").tunes
Path("chirp.run.yaml").write_text(
    "lattice: fodo.pals.yaml\\ntrack: {turns: 4}\\nmonitors: [{kind: chirp_of_beam, at: d, every: 2}]\\n"
    "beam: {particles: 500, emit_x: 1e-8, emit_y: 1e-8, sigma_delta: 1e-3, sigma_z: 1e-3, z_distribution: gaussian}\\n"
)
chirps = json.loads(said("run", "chirp.run.yaml", "--json"))["chirps"]
kept = ssmb.load_result("runs/chirp")
Path("wrong.run.yaml").write_text(Path("chirp.run.yaml").read_text().replace("every", "evry"))
text, _ = ssmb.io.FORMATS["table_csv"].examples()[0]
Path("fodo.magnets.csv").write_text(text.replace("drift,1.0,,", "drift,1.0,,\\nqd,quad,0.2,-1.5,\\nd,drift,1.0,,"))
print(json.dumps({
    "run": run,
    "table": json.loads(said("optics", "fodo.magnets.csv", "--json"))["qx"],
    "report": said("check", "fodo.magnets.csv"),
    "table_plot": said("plot", "fodo.magnets.csv"),
    "run_schema": said("schema", "run"),
    "shift": [tunes.delta.tolist(), tunes.qx.tolist()],
    "figures": sorted(str(p.name) for p in Path("runs/tunes").rglob("*")),
    "schema": said("schema", "lattice"),
    "tunes": [ssmb.optics(ring).qx, ssmb.optics(ring).qy],
    "wrong": [str(p) for p in ssmb.check_file("wrong.pals.yaml")],
    "schemes": said("compare", "schemes", "--harmonic", "5", "--bunching", "0.1", "--thin"),
    "sources": said("compare", "sources", "--source", "example_lpp"),
    "lines": sum(len(axes.lines) for axes in figure.axes),
    "effects": ssmb.track(ring, beam, 1, effects=[type(effect)(at="d", loss_factor=1e12)]).provenance["effects"],
    "chirp": ssmb.track(ring, ssmb.Beam(ring.reference, rows), 3, monitors=[chirp]).monitors["chirp_of_beam@d"].chirp.tolist(),
    "chirps": chirps,
    "chirps_kept": [kept.records["chirp_of_beam@d"].chirp.tolist()],
    "chirp_text": kept.text(),
    "chirp_figures": sorted(p.stem for p in Path("runs/chirp/figures").iterdir()),
    "chirp_label": ssmb.plot(kept.records["chirp_of_beam@d"]).axes[0].get_ylabel(),
    "chirp_wrong": [str(p) for p in ssmb.studies.check_config("wrong.run.yaml")],
    "part": [v for v in numbers_of(window.state(power)).values() if isinstance(v, float)],
}))
"""


def test_examples_are_found_in_schema_command_line_and_figures(extended: Path) -> None:
    done = run(extended, "-c", _FOUND)
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert "SSMB_ThinLens" in found["schema"] and "integrated strength, > 0 focuses in x" in found["schema"]
    assert "k1l" in " ".join(found["wrong"])
    # a cell of thin lenses of 1/f = 0.3/m, 1 m apart: sin(mu/2) = L/(2 f)
    assert_close(
        found["tunes"], 2.0 * math.asin(0.15) / (2.0 * math.pi), rtol=1e-7, atol=0.0, what="tunes of the lenses"
    )
    # the same in thick quadrupoles: cos(mu) = half the trace of focusing, drift, defocusing, drift
    root = math.sqrt(1.5)
    into = np.array(
        [[math.cos(0.2 * root), math.sin(0.2 * root) / root], [-root * math.sin(0.2 * root), math.cos(0.2 * root)]]
    )
    out = np.array(
        [[math.cosh(0.2 * root), math.sinh(0.2 * root) / root], [root * math.sinh(0.2 * root), math.cosh(0.2 * root)]]
    )
    flight = np.array([[1.0, 1.0], [0.0, 1.0]])
    half_trace = 0.5 * np.trace(flight @ out @ flight @ into)
    assert_close(found["table"], math.acos(half_trace) / (2.0 * math.pi), rtol=1e-9, atol=0.0, what="tune of the table")
    assert "owner" in found["report"] and "fodo.magnets.csv" in found["table_plot"]
    assert "two_colours" in found["schemes"] and "example_lpp" in found["sources"]
    assert found["lines"] >= 2 and found["effects"] == ["loss_factor"]
    # focusing of thin lenses goes with 1/(1 + delta): sin(mu/2) = L/(2 f (1 + delta))
    delta, qx = found["shift"]
    lenses = [math.asin(0.15 / (1.0 + d)) / math.pi for d in delta]
    assert_close(qx, lenses, rtol=1e-6, atol=0.0, what="tunes against momentum")
    assert (
        found["run"]["status"] == "completed" and "tune_shift" in found["run_schema"] and "run.h5" in found["figures"]
    )
    assert_close(found["chirp"], [0.3, 0.3], rtol=1e-6, atol=0.0, what="chirp [1/m] of a line through phase space")
    (told,) = found["chirps"]
    assert told["at"] == "d" and told["turns"] == [0, 2] and [told["chirp"]] == found["chirps_kept"]
    assert f"chirp {told['chirp'][-1]:.4g} 1/m" in found["chirp_text"] and "chirp_of_beam" in found["chirp_figures"]
    assert found["chirp_label"].endswith("[1/m]") and "chirp_of_beam" in found["run_schema"]
    assert "Did you mean 'every'?" in found["chirp_wrong"][0] and "wrong.run.yaml:3:" in found["chirp_wrong"][0]
    assert found["part"] == [930.0, 70.0]
