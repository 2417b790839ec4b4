"""Figure of an equilibrium: the sizes at the elements, the scale of flat beams, what is refused."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import ssmb
from ssmb.dynamics import Equilibrium
from ssmb.lattice import Lattice
from tests.support import assert_close

MLS = Path(__file__).parents[2] / "lattices" / "mls.pals.yaml"


@cache
def _mls() -> tuple[Lattice, Equilibrium]:
    ring = ssmb.load_lattice(MLS)
    return ring, ssmb.equilibrium(ring, radiation=ssmb.Radiation("envelope", angles=True))


@pytest.mark.parametrize("with_lattice", [True, False])
def test_sizes_at_the_ends_of_the_elements(with_lattice):
    ring, found = _mls()
    figure = ssmb.plot(found, lattice=ring if with_lattice else None)
    sizes, length = figure.axes[-2:]
    for j, line in enumerate(sizes.lines):
        want = np.sqrt(found.sigma[:, 2 * j, 2 * j]) * 1e6
        assert_close(np.interp(found.s, *line.get_data()), want, rtol=1e-6, atol=0.0, what="size at the elements [um]")
    assert_close(length.lines[0].get_ydata(), found.sigma_z * 1e6, rtol=1e-12, atol=0.0)
    assert (sizes.get_ylabel(), length.get_ylabel()) == ("rms size [µm]", "σz [µm]")
    assert sizes.get_yscale() == "log"
    assert "εx = 31.4 nm" in sizes.get_title(loc="left")
    assert len(figure.axes) == (3 if with_lattice else 2)
    figure.canvas.draw()


def test_scale_of_round_and_of_flat_beams():
    _, found = _mls()
    for factor, scale in ((1.0, "linear"), (1e-4, "linear"), (1e-4 * 1e-10, "linear"), (1e-6, "log")):
        sigma = found.sigma.copy()
        sigma[:, 2:4, 2:4] = sigma[:, :2, :2] * factor
        assert ssmb.plot(replace(found, sigma=sigma)).axes[0].get_yscale() == scale
