# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A beam that feels itself
#
# Every electron of a stored beam feels the others: through the chamber, through their charge, through the light that all of them
# radiate. An effect of `ssmb.collective` is one line, in Python (`track(..., effects=[...])`) or in a run file (`effects:`); the
# theory of the same effect stands beside it. This notebook goes from a bunch in the wake of its chamber to the micro-buckets of a
# 600 MeV ring, where the light of the radiator kicks the beam that makes it by a tenth of what the laser does.

# %%
import math
import os
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ssmb
from ssmb.beam import Beam, Reference
from ssmb.collective import (
    BunchImpedance,
    Resonator,
    StoredBeam,
    TrainImpedance,
    coasting_growth,
    haissinski_bunch,
)
from ssmb.collective.impedances import SpaceCharge
from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.elements.linear_map import LinearMap
from ssmb.elements.marker import Marker
from ssmb.lattice import Lattice
from ssmb.plot.stability import plot_coasting, plot_haissinski
from ssmb.studies import load_config, run
from ssmb.tracking import BunchingMonitor, track

REDUCED = os.environ.get("SSMB_NOTEBOOK_REDUCED") == "1"  # fewer particles and points, for the tests
LATTICES = next(p for p in (Path("lattices"), Path("../lattices")) if p.is_dir())
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
plt.rcParams |= {
    "figure.figsize": (6.4, 3.6),
    "figure.constrained_layout.use": True,
    "axes.grid": True,
    "grid.alpha": 0.25,
}

# %% [markdown]
# ## 1. A wake, its impedance, and the bunch that makes it
#
# The chamber of a small ring as one broad-band resonator. W(s) > 0 means that a particle a length s behind the source loses; the
# impedance is its transform, $Z(k) = \frac1c\int W e^{iks}ds$.

# %%
beam = StoredBeam(energy=600e6, circumference=60.0, slip_factor=2e-3, sigma_delta=5e-4, tune=5e-3, damping=4e-3)
chamber = Resonator(shunt_impedance=2e3, quality=1.0, frequency=20e9)
s = np.linspace(0.0, 5.0 * beam.sigma_z, 400)
k = np.linspace(1.0, 4.0 / beam.sigma_z, 400)
figure, (left, right) = plt.subplots(1, 2, figsize=(9.0, 3.4))
left.plot(1e3 * s, 1e-12 * chamber.wake(s), color=BLUE, label="wake")
left.plot(
    1e3 * s,
    1e-12 * chamber.wake(np.zeros(1))[0] * np.exp(-0.5 * (s / beam.sigma_z) ** 2),
    "--",
    color=ORANGE,
    label="bunch, not to scale",
)
left.set(xlabel="s behind the source [mm]", ylabel="W [V/pC]")
left.legend()
right.plot(1e-3 * k, np.real(chamber(k)), color=BLUE, label="Re Z")
right.plot(1e-3 * k, np.imag(chamber(k)), color=GREEN, label="Im Z")
right.plot(
    1e-3 * k, 1e3 * np.exp(-((k * beam.sigma_z) ** 2)), "--", color=ORANGE, label="power of the bunch, not to scale"
)
right.set(xlabel="k [1/mm]", ylabel="Z [ohm]")
right.legend()
plt.show()

# %% [markdown]
# ## 2. The bunch that the wake leaves: theory and tracking
#
# `haissinski_bunch` solves for the bunch that is in equilibrium with its own wake. Tracking knows nothing of that: particles, damping,
# noise, and the kick of `BunchImpedance` in each turn.


# %%
def small_ring(of: StoredBeam) -> Lattice:
    """Slip, focusing, damping and noise of a stored beam as one map, and a place for the wake."""
    slip, focus = (
        of.slip_factor * of.circumference,
        (2.0 * math.pi * of.tune) ** 2 / (of.slip_factor * of.circumference),
    )
    turn = np.eye(6)
    turn[4:, 4:] = np.array([[1.0, 0.0], [focus, 1.0]]) @ np.array([[1.0, -slip], [0.0, 1.0]])
    turn[5] *= 1.0 - 2.0 * of.damping
    noise = np.zeros((6, 6))
    noise[5, 5] = of.sigma_delta**2 * (1.0 - (1.0 - 2.0 * of.damping) ** 2)
    rows = [tuple(tuple(row) for row in matrix.tolist()) for matrix in (turn, noise)]
    around = LinearMap(
        name="turn", matrix=rows[0], diffusion=rows[1], length=of.circumference, allow_nonsymplectic=True
    )
    return Lattice.from_elements([Marker(name="m"), around], Reference(of.energy), periodic=True)


# %%
charges = [4e-11, 3e-10]
found = [haissinski_bunch(beam, chamber, charge) for charge in charges]
n, turns = (4000, 800) if REDUCED else (40_000, 2000)
random = np.random.default_rng(1)
rows = np.zeros((6, n))
rows[4], rows[5] = random.normal(size=n) * beam.sigma_z, random.normal(size=n) * beam.sigma_delta
start = Beam(Reference(beam.energy), rows, weight=charges[-1] / ELEMENTARY_CHARGE / n)
wake = BunchImpedance(at="m", impedance=chamber, window=(-8.0 * beam.sigma_z, 8.0 * beam.sigma_z), bins=257)
tracked = track(small_ring(beam), start, turns, effects=[wake]).beam
print(
    f"{1e12 * charges[-1]:.0f} pC: length tracked {1e3 * tracked.z.std():.3f} mm, theory {1e3 * found[-1].rms:.3f} mm, "
    f"without wake {1e3 * beam.sigma_z:.3f} mm"
)
plot_haissinski(found, beam=tracked)

# %% [markdown]
# ## 3. A coasting beam that bunches itself
#
# A ring before its laser is on holds a coasting beam. At which current does a wave of 50 um grow by itself, through an impedance of
# 3 kohm? Tracking starts from one thousandth of bunching and is compared with the root of the dispersion relation.

# %%
line, impedance = 50e-6, 2598.0 + 1500.0j
long_beam = StoredBeam(energy=600e6, circumference=120.0, slip_factor=1e-5, sigma_delta=3e-4)
currents = np.array([2.5, 4.75, 8.0, 12.7])
waves = [coasting_growth(long_beam, lambda k: np.full(np.shape(k), impedance), current, line) for current in currents]
print(f"threshold {waves[0].threshold[0]:.2f} A")
slip = np.eye(6)
slip[4, 5] = -long_beam.slip_factor * long_beam.circumference
drift = LinearMap(name="drift", matrix=tuple(tuple(row) for row in slip.tolist()), length=long_beam.circumference)
coasting = Lattice.from_elements([Marker(name="m"), drift], Reference(long_beam.energy), periodic=True)
n = 2**13 if REDUCED else 2**15
figure, axes = plt.subplots()
for current, wave, color in zip(currents, waves, (GREEN, BLUE, ORANGE, "k"), strict=True):
    sigma = np.diag([1e-12, 1e-12, 1e-12, 1e-12, line**2, long_beam.sigma_delta**2])
    quiet = Beam.coasting(Reference(long_beam.energy), sigma, wavelength=line, n=n, charge=1e-12, seed=1)
    quiet.z[:] += 2e-3 * line / (2.0 * math.pi) * np.sin(2.0 * math.pi * quiet.z / line)
    effect = TrainImpedance(
        at="m", impedance=lambda k: np.full(np.shape(k), impedance), wavelength=line, current=float(current)
    )
    seen = track(coasting, quiet, 90, effects=[effect], monitors=[BunchingMonitor(at="m", wavelengths=(line,))])
    b = np.abs(seen.monitors["bunching@m"].bunching[:, 0])
    late = (b < 0.02) & (np.arange(b.size) > 25)
    rate = (
        np.polyfit(np.flatnonzero(late), np.log(b[late]), 1)[0] if wave.growth[0] > 0.0 and late.sum() > 5 else math.nan
    )
    axes.semilogy(b, color=color, label=f"{current:g} A, theory {wave.growth[0]:.4f} a turn")
    print(f"{current:5.2f} A: growth a turn, dispersion relation {wave.growth[0]:.4f}, tracked {rate:.4f}")
axes.set(xlabel="turn", ylabel="|b| at 50 µm")
axes.legend()
plt.show()

# %%
plot_coasting(
    coasting_growth(long_beam, lambda k: np.full(np.shape(k), impedance), 4.75, np.geomspace(20e-6, 500e-6, 60))
)

# %% [markdown]
# ## 4. Where along a ring does a microbunched beam feel its charge?
#
# In the ring of `ssmb_600mev_ring` electrons sit in micro-buckets of 1064 nm, 41 nm long, but only where the path does not smear them:
# in the arcs, betatron motion makes microbunches longer than a wavelength. `TrainImpedance` takes the form factor from the particles
# at each place, so that nothing is assumed about it. One turn of the whole lattice, 1 A:

# %%
warnings.filterwarnings("ignore", message="linear edges|gain parameter|own_light at")  # told below
config = load_config(
    LATTICES / "ssmb_vuv.run.yaml",
    {"beam.particles": 1024 if REDUCED else 4096, "track.turns": 6, "laser.turns": 6, "source.mean_over": None},
)
ring = ssmb.load_lattice(LATTICES / "ssmb_600mev_ring.pals.yaml")
bunched = run(config.model_copy(update={"source": None, "monitors": ()}), ring).beam
period = 1064e-9 * ring.reference.beta
charge = TrainImpedance(
    at=0.5,
    impedance=SpaceCharge(length=ring.length, energy=600e6, sigma_x=100e-6, sigma_y=100e-6),
    wavelength=period,
    current=1.0,
    harmonics=tuple(range(1, 13)),
)
once = track(ring.without_noise(), bunched, 1, effects=[charge])
place = {name: s for name, s in zip(once.program.names, once.program.s, strict=False)}
kicks = np.array([kick.rms * 600e6 for kick in once.kicks])
figure, axes = plt.subplots()
axes.vlines([place[kick.element] for kick in once.kicks], 0.0, kicks, color=BLUE)
axes.set(xlabel="s [m]", ylabel="rms kick by space charge [eV]")
plt.show()
near = kicks > 0.05 * kicks.max()
print(
    f"space charge of 1 A: {kicks.sum():.0f} eV a turn, {100 * kicks[near].sum() / kicks.sum():.0f} % of it at {near.sum()} of {len(kicks)} places"
)

# %% [markdown]
# ## 5. What is left of the light when the beam feels it
#
# The run file `ssmb_vuv.run.yaml` tells 7.6 kW at 266 nm for 1 A, of a beam that does not feel its own light. Each of the lines below
# is what a user adds to the run file. The light of the radiator takes 4 to 5 keV from an electron, but it kicks by 17 keV rms, a tenth of the
# laser, at the fourth harmonic: it bends the bucket. The package warns of three things here that are known: bend edges are linear, the gain
# parameter of the radiator is 1.3, and the energy spread changes the light of single electrons (2 pi N sigma_delta = 0.5).

# %%
LIGHT = {
    "kind": "own_light", "at": "RAD", "line": 4, "period": 0.04, "periods": 100, "deflection": 5.889,
    "sigma_x": 39e-6, "sigma_y": 39e-6,
}  # fmt: skip
SPACE = [
    {
        "kind": "train_impedance", "at": at, "name": f"space_charge_{at}", "harmonics": list(range(1, 13)),
        "impedance": {"kind": "space_charge", "length": length, "energy": 600e6, "sigma_x": 39e-6, "sigma_y": 39e-6},
    }
    for at, length in (("RAD", 5.4), ("UND", 2.6))
]  # fmt: skip
# %%
CASES = {"without": [], "own light": [LIGHT], "own light and space charge": [LIGHT, *SPACE]}
amperes = [1.0] if REDUCED else [0.03, 0.1, 0.3, 1.0]
powers = {name: [] for name in CASES}
for current in amperes:
    for name, effects in list(CASES.items())[:: 2 if REDUCED else 1]:
        changes = {
            "beam.current": current, "source.average_current": current, "source.harmonics": [4],
            "beam.particles": 1024 if REDUCED else 4096, "effects": effects,
            "track.turns": 40 if REDUCED else 600, "laser.turns": 40 if REDUCED else 600,
            "source.mean_over": 20 if REDUCED else 300,
        }  # fmt: skip
        result = run(load_config(LATTICES / "ssmb_vuv.run.yaml", changes), ring)
        light = result.source.lights[0]
        powers[name].append(light.exit.average_power)
        kick = {k.effect: 600e6 * k.rms for k in result.kicks}
        print(
            f"{current:5.2f} A, {name}: {light.exit.average_power:.4g} W at 266 nm"
            + "".join(f", {effect} {volts:.0f} eV rms" for effect, volts in kick.items())
        )
print(result.source.kicks.table())
if not REDUCED:
    figure, axes = plt.subplots()
    for (name, values), marker in zip(powers.items(), "os^", strict=True):
        axes.semilogx(amperes, np.array(values) / powers["without"], marker + "-", label=name)
    axes.set(xlabel="current [A]", ylabel="power at 266 nm over that without effects", ylim=(0.0, 1.2))
    axes.legend()
    plt.show()

# %% [markdown]
# ## What to change next
#
# Give the chamber of section 1 a second resonator (`chamber + Resonator(...)`); lower the slip factor of section 3 until 3 A are
# unstable at 1 um; add `{kind: optical_cavity, at: UND, loss: 4e-4}` to the effects of section 5 and see what a cavity does that the
# beam turns by 0.08 rad in each pass.
