"""Numbers that a run tells, each by a second way: fields of single electrons, Larmor's power, what the file says;
units.
"""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import h5py
import pytest

from ssmb.beam import Reference
from ssmb.cli.main import main
from ssmb.constants import ELEMENTARY_CHARGE, SPEED_OF_LIGHT
from ssmb.errors import SsmbWarning
from ssmb.light import Undulator
from ssmb.studies import run_file
from tests.facility.lights import deflection, energy_by_fields, loss_by_larmor, loss_in_bends
from tests.studies.small_ring import RING, RUN, STEADY, STEADY_RING
from tests.support import assert_close

REF = Reference(250e6)
LASER, PERIOD = 1064e-9, 0.125
VOLTAGE = 7.0
CAVITY = "  - cav: {kind: RFCavity, length: 0.0, RFP: {voltage: 7.0, harmon: 1, zero_phase: ABOVE_TRANSITION}}\n"
#: 60 turns with laser on 4 of 5
ON = {"laser.turns": 60, "track.turns": 60, "laser.windows": "[]", "beam.particles": 1000, "monitors": []}


def run_of(folder: Path, run: str, ring: str, changes: dict[str, Any]) -> Any:
    """Do a run in a folder of its own; warnings of few particles are expected."""
    folder.mkdir(exist_ok=True)
    for name in ("ring", "steady"):
        (folder / f"{name}.pals.yaml").write_text(ring, encoding="utf-8")
    (folder / "a.run.yaml").write_text(run, encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SsmbWarning)
        return run_file(folder / "a.run.yaml", folder=folder / "out", changes=changes)


def source_of(folder: Path, radiator: str, *, cavity: bool = False) -> Any:
    """A source in the ring with bends."""
    source = f"source: {{radiator: {radiator}, harmonics: [1], average_current: 0.1, train_current: 0.4}}\n"
    ring = STEADY_RING
    if cavity:
        ring = ring.replace("  - ring:", CAVITY + "  - ring:").replace("noise]}", "noise, cav]}")
    return run_of(folder, STEADY + source, ring, ON)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A source whose radiator is no magnet of the lattice."""
    return source_of(tmp_path_factory.mktemp("other") / "run", "qd, period: 0.1, periods: 12")


def test_incoherent_light_of_a_ring_is_that_of_the_fields_of_its_bunch(tmp_path):
    """32 periods of the undulator of the ring, seen within a fifth of the angle 1/gamma."""
    ring = RING.replace(
        "length: 0.5\n      SSMB_WigglerP: {periods: 4,", "length: 4.0\n      SSMB_WigglerP: {periods: 32,"
    )
    assert ring != RING
    changes = {"track.turns": 2, "laser.turns": 1, "light.acceptance": 0.3e-3}
    result = run_of(tmp_path, RUN, ring, changes)
    light = result.light[0]
    und = Undulator(REF, PERIOD, 32, deflection(LASER, PERIOD, REF.gamma))
    duration = math.sqrt(2.0 * math.pi) * 1e-4 / SPEED_OF_LIGHT
    power = 1e-12 / ELEMENTARY_CHARGE * energy_by_fields(und, 2e-3, 0.3e-3) / duration
    assert_close(light.incoherent_power, power, rtol=0.02, atol=0.0, what="incoherent power in band and cone [W]")


def test_light_of_a_radiator_beside_the_lattice_costs_what_larmor_says(other):
    energy = other.source.energy
    want = loss_by_larmor(deflection(LASER, 0.1, REF.gamma), 0.1, 12, REF.gamma)
    assert_close(energy.incoherent, want, rtol=1e-5, atol=0.0, what="loss in the radiator [eV]")
    magnets = 2.0 * loss_in_bends((0.4 / 0.5) ** 2, 0.5, REF.gamma)
    magnets += loss_by_larmor(deflection(LASER, PERIOD, REF.gamma), PERIOD, 4, REF.gamma)
    assert_close(energy.radiation, magnets, rtol=1e-5, atol=0.0, what="loss in bends and modulator [eV]")
    assert (energy.voltage, energy.restored) == (0.0, 0.0)
    assert_close(energy.missing, magnets + want + energy.light, rtol=1e-5, atol=0.0, what="left to the lasers [eV]")


def test_a_radiator_of_the_lattice_is_counted_once_and_cavities_with_their_voltage(tmp_path, other):
    energy = source_of(tmp_path / "a", "U", cavity=True).source.energy
    assert energy.incoherent == 0.0, "it is in the loss of the magnets"
    assert_close(energy.radiation, other.source.energy.radiation, rtol=1e-12, atol=0.0, what="loss in the magnets [eV]")
    assert energy.voltage == VOLTAGE, "as the file says [V]"
    assert_close(energy.missing, energy.radiation + energy.light - VOLTAGE, rtol=1e-12, atol=0.0, what="missing [eV]")


#: what a file of a source must say, written down by hand: end of the name -> unit
UNITS = {
    "incoherent_power": "W", "power_at_focus": "W", "peak_power": "W", "average_power": "W", "noise_power": "W",
    "incoherent_loss": "eV", "energy_loss": "eV", "average_current": "A", "wavelength": "m", "divergence_x": "rad",
    "energy/radiation": "eV", "energy/light": "eV", "energy/voltage": "V", "energy/laser_power": "W",
    "undulator/period": "m",
    "undulator/k": "1", "steps/0/power": "W", "intensity": "W/sr", "solid": "sr", "theta_x": "rad", "gain": "1",
}  # fmt: skip
#: the same of powers: what each is in SI, so that no other word can stand for it
SI = {"W": (2, 1, -3, 0), "eV": (2, 1, -2, 0), "V": (2, 1, -3, -1), "A": (0, 0, 0, 1), "m": (1, 0, 0, 0), "1": (0,) * 4}


def test_units_of_a_stored_source_are_those_of_the_field(other):
    found: dict[str, set[tuple[str, tuple[float, ...]]]] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and "/source/" in f"/{name}":
            for end in UNITS:
                if f"/{name}".endswith(f"/{end}"):
                    symbol = item.attrs["unitSymbol"]
                    text = symbol.decode() if isinstance(symbol, bytes) else str(symbol)
                    found.setdefault(end, set()).add((text, tuple(item.attrs["unitDimension"][:4])))

    with h5py.File(Path(other.folder) / "run.h5") as file:
        file.visititems(visit)
    assert set(found) == set(UNITS)
    for end, unit in UNITS.items():
        assert {text for text, _ in found[end]} == {unit}, end
        if unit in SI:
            assert {dimension for _, dimension in found[end]} == {SI[unit]}, end


def test_columns_of_the_printed_source_are_what_their_heads_say(other, capsys):
    """Each cell is read back and compared with the number of the JSON output; powers differ from column to column."""
    assert main(["power", str(other.folder), "--json"]) == 0
    light = json.loads(capsys.readouterr().out)["lights"][0]
    assert main(["power", str(other.folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.lstrip().startswith("harmonic") and "noise" in line)
    head, row = lines[at], lines[at + 1]
    keys = {
        "|b|": "bunching", "peak": "peak_power", "average": "average_power", "in band": "in_band_power",
        "at focus": "power_at_focus", "incoherent": "incoherent_power", "noise": "noise_power", "gain": "gain",
    }  # fmt: skip
    told = light["light"] | light["exit"] | light
    values = {key: told[key] for key in keys.values()}
    assert len({f"{v:.3g}" for k, v in values.items() if k not in ("in_band_power", "power_at_focus")}) == 6
    for name, key in keys.items():
        end = head.index(name) + len(name)  # numbers stand to the right, under the end of their head
        cell = row[:end].rsplit("  ", 1)[-1].split()
        # as many digits as the interval of the light leaves
        low, high = told.get(f"{key}_range") or (light["light"]["power_range"] if key == "peak_power" else (0.0, 0.0))
        assert_close(_plain(cell), values[key], rtol=6e-3, atol=0.5 * (high - low), what=f"column '{name}'")


def _plain(cell: list[str]) -> float:
    """A number with a prefixed unit."""
    prefix = cell[1][:-1] if len(cell) > 1 else ""
    powers = {"": 0, "a": -18, "f": -15, "p": -12, "n": -9, "µ": -6, "m": -3, "k": 3, "M": 6, "G": 9}
    return float(cell[0]) * 10.0 ** powers[prefix]
