"""What a pass through a reversible scheme leaves behind, by tracking the whole thin model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ssmb.lattice import Lattice
from ssmb.schemes import ReversibleAngularDispersion, TwoModulators
from ssmb.tracking import track
from tests.support import assert_close


@pytest.mark.parametrize(
    "errors",
    [
        {},
        {"path_error": 2e-9},
        {"amplitude_error": 1e-3},
        {"phase_error": 2e-4},
        {"path_error": 1e-7, "phase_error": 0.03, "amplitude_error": 0.05},
    ],
    ids=["none", "path", "amplitude", "phase", "all"],
)
def test_residual_of_the_demodulation(errors: dict[str, float]) -> None:
    scheme = replace(ReversibleAngularDispersion.examples()[0], **errors)
    line, beam = scheme.whole_line().elements, scheme.beam(2**16)
    before = beam.delta.copy()
    middle = track(Lattice.from_elements(line[:3], scheme.reference), beam).beam
    rng = np.random.default_rng(1)
    middle.coordinates[4] += scheme.path_error * rng.standard_normal(len(middle))
    after = track(Lattice.from_elements(line[3:], scheme.reference), middle).beam
    got = float(np.sqrt(np.mean((after.delta - before) ** 2)))
    # 65536 random paths: 0.4 %
    assert_close(got, scheme.residual_modulation(), rtol=0.01, atol=1e-16, what="rms that one pass leaves")
    # the law of closure, H h^2 <dz^2>/4, for a path error alone
    if set(errors) == {"path_error"}:
        h = 2 * np.pi / scheme.wavelength * scheme.amplitude
        law = scheme.h_mod * (h * scheme.path_error) ** 2 / 4
        assert_close(scheme.emittance_growth(), law, rtol=1e-3, atol=0.0, what="growth of the emittance per pass")


def test_second_modulator_restores_the_length() -> None:
    scheme = TwoModulators.examples()[0]
    beam = scheme.beam(2**16)
    end = track(scheme.whole_line(), beam).beam
    # mirror symmetry of the linear optics about the radiator; the sine adds its cubic
    assert_close(float(np.std(end.z)), float(np.std(beam.z)), rtol=0.03, atol=0.0, what="length behind both modulators")
