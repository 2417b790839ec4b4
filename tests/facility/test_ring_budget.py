"""Several radiators on one ring: what they take together, and what each scanner is handed."""

from __future__ import annotations

import numpy as np
import pytest

from ssmb.beam import Beam, Reference
from ssmb.beamlines.chains import beamline
from ssmb.errors import ConfigError, PhysicsError, ValidityWarning
from ssmb.facility import ring_budget
from ssmb.light import energy_exchange, total_power
from ssmb.lithography import EuvSource, PowerPlane, model_parameters, power_at_focus, roadmap
from tests.facility.lights import light_of
from tests.support import assert_close

REF = Reference(600e6)
LASER = 1064e-9


def _beam(reference=REF) -> Beam:
    sigma = np.diag(np.array([40e-6, 5e-6, 20e-6, 5e-6, 2e-9, 3e-4]) ** 2)
    return Beam.gaussian(reference, sigma, n=2**11, charge=1e-12, seed=2, start="quiet")


def _light(harmonic=79, period=0.02, periods=60, **more):
    options = {"average_current": 0.5, "train_current": 10.0, "duty": 0.25} | more
    beam = options.pop("beam", None) or _beam()
    return light_of(beam, period, periods, laser_wavelength=LASER, harmonic=harmonic, **options)


def _two(**more):
    return [_light(beamlines=3, **more), _light(harmonic=40, period=0.03, periods=40, **more)]


def test_power_of_the_beam_is_the_light_and_the_incoherent_light():
    """Watts: energy per electron and turn times the current is what leaves, each radiator once."""
    sources = _two(limits=[("closure", 0.3, "given")])
    found = ring_budget(sources, magnet_loss=2000.0)
    coherent = 3.0 * sources[0].exit.average_power + sources[1].exit.average_power
    spontaneous = 3.0 * total_power(sources[0].light.undulator, 0.5) + total_power(sources[1].light.undulator, 0.5)
    assert_close(found.power, 2000.0 * 0.5 + coherent + spontaneous, rtol=1e-12, atol=0.0)
    assert_close(found.light_power, coherent, rtol=1e-12, atol=0.0)
    assert_close(found.power_at_foci, sum(s.total_power_at_focus for s in sources), rtol=1e-12, atol=0.0)
    assert list(found.table()["BEAMLINES"]) == [3, 1]


def test_a_train_loses_what_its_particles_lose():
    """A second way: the work of the field on each particle of the beam, radiator after radiator."""
    sources = _two()
    found = ring_budget(sources, magnet_loss=0.0)
    assert found.loss == found.coherent_loss + found.incoherent_loss
    volts = [-float(energy_exchange(s.light, _beam()).mean()) * REF.beta * REF.p0c for s in sources]
    assert_close(found.lit_loss - found.unlit_loss, 3.0 * volts[0] + volts[1], rtol=1e-9, atol=0.0)
    # mean over the turns: laser on in a quarter of them, every electron is in a train
    assert_close(found.loss - found.unlit_loss, 0.25 * (3.0 * volts[0] + volts[1]), rtol=1e-9, atol=0.0)


def test_voltage():
    found = ring_budget(_two(), magnet_loss=2000.0)
    assert found.unlit_loss < found.loss < found.lit_loss
    assert ring_budget(_two(), magnet_loss=2000.0, voltage=1.01 * found.lit_loss) == found
    with pytest.raises(PhysicsError, match="raise the voltage"):
        ring_budget(_two(), magnet_loss=2000.0, voltage=0.99 * found.loss)
    with pytest.warns(ValidityWarning, match="slows down"):
        ring_budget(_two(), magnet_loss=2000.0, voltage=1.01 * found.loss)
    assert (
        ring_budget(_two(), magnet_loss=2000.0, voltage=1.01 * found.loss, lit_voltage=1.01 * found.lit_loss) == found
    )


def test_a_scanner_gets_the_power_of_one_beamline():
    """Beamline, band and number of beamlines enter once on the way to wafers, whichever plane is handed over."""
    alone, three = (_light(beamlines=n, chain=beamline("two_grazing")) for n in (1, 3))
    assert three.power_at_focus == alone.power_at_focus
    assert three.total_power_at_focus == 3.0 * alone.power_at_focus
    source = EuvSource.from_result(three)
    got = power_at_focus(source)
    assert source.plane is PowerPlane.INTERMEDIATE_FOCUS
    assert got is not None
    assert (got.power, got.transport, source.served) == (three.power_at_focus, 1.0, 3.0)
    # from the undulator exit the transport is that of the lithography's parameters
    parameters = model_parameters({"beamline_transport": beamline("two_grazing").transmission})
    outside = power_at_focus(EuvSource.from_result(three.exit), parameters=parameters)
    assert outside is not None
    assert_close(outside.power, three.power_at_focus, rtol=1e-9, atol=0.0)
    one, all_three = roadmap(EuvSource.from_result(alone)), roadmap(source)
    assert one.effective_power is not None
    assert_close(one.effective_power, alone.power_at_focus, rtol=1e-12, atol=0.0)
    assert all_three.effective_power == one.effective_power
    assert_close(all_three.chips_per_year_source, 3.0 * one.chips_per_year_source, rtol=1e-12, atol=0.0)


def test_light_wider_than_the_band_is_counted_once():
    """A train of 30 wavelengths: a line of 2.95 % against the band of 2 %."""
    found = _light(train_length=30.0 * LASER / 79)
    assert_close(found.exit.in_band_power / found.exit.average_power, 0.02 / (0.886 / 30.0), rtol=1e-9, atol=0.0)
    got = power_at_focus(EuvSource.from_result(found))
    assert got is not None
    assert got.power == found.power_at_focus
    assert [s.name for s in found.steps].count("share in the band") == 1


def test_bad_input():
    with pytest.raises(ConfigError, match="a source or more"):
        ring_budget([], magnet_loss=0.0)
    with pytest.raises(ConfigError, match="not of one ring"):
        ring_budget([_light(), _light(average_current=0.4)], magnet_loss=0.0)
    other = _light(beam=_beam(Reference(800e6)), period=0.03)
    with pytest.raises(ConfigError, match="8e.08 eV"):
        ring_budget([_light(), other], magnet_loss=0.0)
    for wrong in ({"magnet_loss": -1.0}, {"magnet_loss": 0.0, "voltage": 0.0}):
        with pytest.raises(ConfigError, match=r"magnet_loss|voltage"):
            ring_budget([_light()], **wrong)
    with pytest.raises(ConfigError, match="beamlines"):
        _light(beamlines=0)
