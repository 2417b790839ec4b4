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
# # Light of an undulator: from one electron to a train of microbunches
#
# One electron in an undulator sends out a wave train of $N$ periods. Many electrons at random send $N_e$ times its power; electrons in
# microbunches shorter than the wavelength send $N_e^2$ times as much. This notebook builds the light of a microbunched beam from that of one electron,
# each step twice: in closed form and by brute force. The radiator is that of a 400 MeV EUV concept: 300 periods of 10 mm, 13.5 nm.

# %%
import math
import os
import warnings

import matplotlib.pyplot as plt
import numpy as np

import ssmb
from ssmb.beam import bunching_factor
from ssmb.constants import ELEMENTARY_CHARGE
from ssmb.errors import ValidityWarning
from ssmb.light import (
    ElectronBeam,
    ExitLight,
    Plane,
    Undulator,
    angular_density,
    aperture_spectrum,
    coherent_power,
    compare_generations,
    debunched_power,
    energy_exchange,
    field_growth,
    gain_parameter,
    harmonic_energy,
    incoherent_energy,
    photon_energy,
    photon_flux,
    pierce_parameter,
    resonant_density,
    tracked_power,
    undulator_brightness,
    undulator_field,
    undulator_orbit,
)
from ssmb.light.coherent import form_factor, size_parameter
from ssmb.light.incoherent import central_cone_power
from ssmb.light.statistics import electrons_per_wavelength, relative_variance

REDUCED = os.environ.get("SSMB_NOTEBOOK_REDUCED") == "1"  # fewer particles and points, for the tests
BLUE, ORANGE, GREEN, PINK, BLACK = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000"
plt.rcParams |= {
    "figure.dpi": 80,
    "figure.figsize": (6.4, 3.6),
    "figure.constrained_layout.use": True,
    "axes.grid": True,
    "grid.alpha": 0.25,
}
rng = np.random.default_rng(5)

ref, LIGHT = ssmb.Reference(energy=400e6), 13.5e-9
euv = Undulator.resonant(ref, LIGHT, period=0.01, n_periods=300)
short = Undulator.resonant(ref, LIGHT, period=0.01, n_periods=40)  # broad lines, for figures
FIRST = photon_energy(LIGHT)
CONE = 1.0 / ref.gamma
K_LIGHT = 2.0 * math.pi / LIGHT
print(f"K = {euv.k:.4f}, field {euv.field:.3f} T, photon energy {FIRST:.2f} eV, 1/gamma = {1e3 * CONE:.3f} mrad")

# %% [markdown]
# ## 1. One electron
#
# `undulator_field` is the numerical Fourier integral over the exact orbit, end poles included; `resonant_density` the textbook's Bessel functions at the
# resonance of each direction. On axis there are odd harmonics only; aside there are all of them, each at its own lower frequency.

# %%
energies = FIRST * np.linspace(0.3, 5.5, 700 if REDUCED else 4000)
angles = np.array([0.0, 0.5 * CONE])
density = angular_density(undulator_field(short, angles, 0.0 * angles, energies), energies)

fig, axis = plt.subplots(figsize=(7.0, 3.8))
for i, (words, colour) in enumerate((("on axis", BLUE), ("0.5/γ aside", ORANGE))):
    axis.semilogy(energies, photon_flux(density[i], 1.0) * 1e-6, color=colour, lw=0.8, label=words)
    for n in range(1, 7):
        peak = photon_energy(short.wavelength(n, angles[i]))
        top = float(resonant_density(short, n, angles[i], 0.0))
        if top > 0.0 and peak < energies[-1]:
            axis.plot(peak, photon_flux(top, 1.0) * 1e-6, "o", ms=6, mfc="none", color=colour)
axis.set(xlabel="photon energy [eV]", ylabel="photons/(s mrad² 0.1 % A)", ylim=(1e12, 1e17))
axis.legend(fontsize=8, title="circles: closed form", title_fontsize=8)
plt.show()

# %%
for n in range(1, 6):
    for name, aside in (("on axis", 0.0), ("0.5/gamma aside", 0.5 * CONE)):
        if aside or n % 2:
            at = photon_energy(euv.wavelength(n, aside))
            exact = angular_density(undulator_field(euv, aside, 0.0, at, end_poles=False), at)
            print(
                f"harmonic {n} {name:15s} numerical over closed form {float(exact / resonant_density(euv, n, aside, 0.0)):.6f}"
            )
total = sum(harmonic_energy(euv, n) for n in range(1, 13)) / ELEMENTARY_CHARGE
larmor = undulator_orbit(euv, end_poles=False).radiated_energy() / ELEMENTARY_CHARGE
print(
    f"energy per pass: 12 harmonics {total:.1f} eV, Larmor {larmor:.2f} eV; first harmonic {harmonic_energy(euv, 1) / ELEMENTARY_CHARGE:.1f} eV"
)

# %% [markdown]
# Seen from far away: on resonance a spot; below it a ring, the angle at which the red-shifted line fits; and the second harmonic with two lobes and nothing in
# the middle.

# %%
side = np.linspace(-1.0, 1.0, 41 if REDUCED else 121)
fig, axes = plt.subplots(1, 3, figsize=(9.0, 3.0))
for axis, part, width in zip(axes, (1.0, 0.85, 2.0), (0.5e-3, 0.9e-3, 0.5e-3), strict=True):
    tx, ty = np.meshgrid(width * side, width * side)
    picture = angular_density(undulator_field(short, tx, ty, part * FIRST), part * FIRST)
    shown = photon_flux(picture, 1.0) * 1e-21
    mesh = axis.pcolormesh(1e3 * tx, 1e3 * ty, shown, cmap="inferno", rasterized=True)
    fig.colorbar(mesh, ax=axis, shrink=0.8)
    axis.set(title=f"{part * FIRST:.1f} eV", xlabel="θx [mrad]", aspect="equal")
    axis.grid(False)
axes[0].set_ylabel("θy [mrad]")
fig.suptitle("10¹⁵ photons/(s mrad² 0.1 % A)", fontsize=9, x=0.01, ha="left")
plt.show()

# %% [markdown]
# On a near screen the front of the undulator is seen at another angle than its end, and its light has farther to go. The radiator of 3 m on a screen 4.5, 6 and 15 m behind
# its middle, from where the angles count, and infinitely far away:

# %%
cut = np.linspace(-150e-6, 150e-6, 61 if REDUCED else 241)
fig, axis = plt.subplots()
for distance, colour in ((4.5, PINK), (6.0, GREEN), (15.0, ORANGE), (math.inf, BLUE)):
    from_entrance = distance + 0.5 * euv.length
    ratio = 1.0 if distance == math.inf else distance / from_entrance
    seen = angular_density(undulator_field(euv, cut * ratio, 0.0 * cut, FIRST, distance=from_entrance), FIRST)
    words = "far" if distance == math.inf else f"{distance:g} m"
    axis.plot(1e6 * cut, photon_flux(seen * ratio**2, 1.0) * 1e-24, color=colour, label=words, lw=1.2)
axis.set(xlabel="θx [µrad]", ylabel="10¹⁸ photons/(s mrad² 0.1 % A)")
axis.legend(fontsize=8)
plt.show()

# %% [markdown]
# Through an aperture the line gets a red tail: larger angles, lower frequency. The widest slit takes the flux over all angles, whose peak lies a little *below* the
# on-axis resonance; half of the light of the line at resonance is lost, which is the factor two of section 3.

# %%
window = FIRST * np.linspace(0.94, 1.02, 25 if REDUCED else 121)
fig, axis = plt.subplots()
for half, colour in ((10e-6, BLUE), (40e-6, ORANGE), (160e-6, GREEN)):
    flux = photon_flux(aperture_spectrum(euv, window, half, half), 1.0)
    axis.semilogy(window, flux, color=colour, label=f"± {1e6 * half:.0f} µrad")
axis.axvline(FIRST, color=BLACK, lw=0.8, ls=":")
axis.set(xlabel="photon energy [eV]", ylabel="photons/(s 0.1 % A)")
axis.legend(fontsize=8)
plt.show()

# %% [markdown]
# ## 2. Many electrons: $N_e$ and $N_e^2$
#
# Add the waves of $N_e$ electrons: $\langle|\sum e^{ikz}|^2\rangle = N_e(1-b^2) + N_e^2b^2$. Electrons drawn at random from a density with $b = 0.1$:

# %%
B = 0.1
numbers = np.array([10, 30, 100, 300, 1000, 3000, 10_000])
bunched, flat = [], []
width = math.sqrt(-2.0 * math.log(B))  # k sigma_z of a Gaussian with this b
for n in numbers:
    repeats = max(40, (200_000 if REDUCED else 3_000_000) // n)
    for out, phases in (
        (bunched, width * rng.standard_normal((repeats, n))),
        (flat, 2 * np.pi * rng.random((repeats, n))),
    ):
        out.append((np.cos(phases).sum(axis=1) ** 2 + np.sin(phases).sum(axis=1) ** 2).mean())
line = np.geomspace(5, 2e4, 100)
fig, axis = plt.subplots()
axis.loglog(numbers, bunched, "o", ms=5, mfc="none", color=ORANGE, label=f"added waves, b = {B}")
axis.loglog(numbers, flat, "s", ms=5, mfc="none", color=BLUE, label="added waves, no bunching")
axis.loglog(line, line * (1 - B**2) + (line * B) ** 2, color=ORANGE, lw=1)
axis.loglog(line, line, color=BLUE, lw=1)
axis.set(xlabel="electrons", ylabel="power / power of one electron")
axis.legend(fontsize=8)
plt.show()
coherent = np.array(bunched) - numbers * (1 - B**2)
print(
    f"slope without bunching {np.polyfit(np.log(numbers), np.log(flat), 1)[0]:.3f}, of the coherent part {np.polyfit(np.log(numbers[2:]), np.log(coherent[2:]), 1)[0]:.3f}"
)

# %% [markdown]
# In watts, for 1 A: `coherent_power` is $\pi Z_0N\chi[JJ]^2\,FF\,(bI)^2$ with a transverse form factor $FF$. The light of the same electrons without bunching:

# %%
SIZE = 20e-6
power = coherent_power(euv, current=1.0, bunching=B, sigma_perp=SIZE)
print(
    f"coherent power at |b| = {B}, 1 A, beam of 20 µm: {power:.1f} W (point-like {coherent_power(euv, current=1.0, bunching=B):.1f} W)"
)
print(
    f"incoherent: central cone {central_cone_power(euv, 1.0):.3f} W, 2 % band {incoherent_energy(euv, 1.0, 0.02):.2f} W, everything {euv.energy_per_electron():.0f} W"
)
print(f"electrons per microbunch of 1064 nm at 1 A: {electrons_per_wavelength(1.0, 1064e-9):.0f}")

# %% [markdown]
# ## 3. Form factor and detuning
#
# A wide beam radiates only straight ahead: the size parameter is $S = k\sigma^2/L$. And the resonance on axis is not the best: a gap set so that the on-axis resonance lies
# *above* the frequency of the microbunches brings in the larger angles. For a thin beam this doubles the power; for a wide one there are no angles to be won.

# %%
sizes = np.geomspace(1e-3, 10, 24 if REDUCED else 60)
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.5))
left.semilogx(sizes, [form_factor(s) for s in sizes], color=BLUE, label="exact resonance")
left.semilogx(sizes, [form_factor(s, detuning="best") for s in sizes], color=ORANGE, label="best detuning")
left.axvline(size_parameter(euv, SIZE), color=BLACK, lw=0.8, ls=":", label="20 µm")
left.set(xlabel="S = kσ²/L", ylabel="form factor", ylim=(0, 2.1))
left.legend(fontsize=8)
detunings = np.linspace(-10, 60, 71 if REDUCED else 281)
for s, colour in ((1e-3, BLUE), (size_parameter(euv, SIZE), ORANGE), (0.5, GREEN)):
    right.plot(detunings, [form_factor(s, detuning=float(d)) for d in detunings], color=colour, label=f"S = {s:.2g}")
right.set(xlabel="phase by which the light lags [rad]", ylabel="form factor", ylim=(0, 2.1))
right.legend(fontsize=8)
plt.show()
print(
    f"best over exact: {form_factor(0.0, detuning='best') / form_factor(0.0):.3f} thin, {form_factor(10.0, detuning='best') / form_factor(10.0):.3f} at S = 10"
)

# %% [markdown]
# ## 4. Particles
#
# `tracked_power` adds the far fields of the particles themselves, so emittance, energy spread, tilted microbunches and the $R_{56} = 2N\lambda$ of the undulator are all in it. Against
# the closed form for Gaussian beams: size, energy spread and divergence.

# %%
PARTICLES, POINTS = (2**11, 3) if REDUCED else (2**13, 7)


def microbunch(size=SIZE, slope=0.0, spread=0.0, length=LIGHT / 12, n=PARTICLES, seed=2):
    """Quiet Gaussian microbunch in the middle of the radiator."""
    sigma = np.diag(np.array([size, slope, size, slope, length, spread]) ** 2)
    return ssmb.Beam.gaussian(ref, sigma, n=n, charge=1e-12, seed=seed, start="quiet")


cases = {
    "rms size [µm]": (1e6, [{"size": v} for v in np.geomspace(4e-6, 150e-6, POINTS)]),
    "energy spread [10⁻³]": (1e3, [{"spread": v} for v in np.linspace(1e-4, 2.4e-3, POINTS)]),
    "rms slope [µrad]": (1e6, [{"slope": v} for v in np.linspace(5e-6, 150e-6, POINTS)]),
}
fig, axes = plt.subplots(1, 3, figsize=(9.4, 3.2), sharey=True)
worst = 0.0
for axis, (words, (factor, members)) in zip(axes, cases.items(), strict=True):
    x, found, form = [], [], []
    for member in members:
        light = tracked_power(euv, microbunch(**member), LIGHT, current=1.0)
        plane = Plane(member.get("size", SIZE), member.get("slope", 0.0))
        x.append(factor * next(iter(member.values())))
        found.append(light.efficiency)
        form.append(
            debunched_power(
                euv, current=1.0, bunching=light.bunching, plane_x=plane, sigma_delta=member.get("spread", 0.0)
            )
            / coherent_power(euv, current=1.0, bunching=light.bunching)
        )
    worst = max(worst, float(np.abs(np.array(found) - form).max()))
    axis.plot(x, form, "-", color=BLUE, label="closed form")
    axis.plot(x, found, "o", mfc="none", color=ORANGE, label="particles")
    axis.set(xlabel=words, ylim=(0, 1.05))
axes[0].set_ylabel("power / thin beam")
axes[0].legend(fontsize=8)
plt.show()
print(f"largest difference of particles and closed form: {worst:.4f} of the power of a thin beam")

# %% [markdown]
# Where it goes: the light of the microbunch of 20 µm with 20 µrad, $4\cdot10^{-4}$ of energy spread, and its divergence.

# %%
light = tracked_power(euv, microbunch(slope=20e-6, spread=4e-4), LIGHT, current=1.0)
print(
    f"|b| = {light.bunching:.3f}, {light.power / 1e3:.2f} kW, rms angles {1e6 * light.divergence[0]:.1f} and {1e6 * light.divergence[1]:.1f} µrad"
)
ssmb.plot(light)

# %% [markdown]
# ## 5. Spectrum: a comb of the laser
#
# A long train radiates only at the harmonics of the laser. The single microbunch says how far the comb reaches ($e^{-(k\sigma_z)^2}$), the undulator which lines get out
# ($1/N$), the length of the train how narrow they are. A train of microbunches of 2 nm, 1064 nm apart, in a radiator for the 79th line:

# %%
LASER, SHORT = 1064e-9, 2e-9
lines = np.linspace(74, 84, 1501)
one = SHORT * rng.standard_normal(400)
trains = {m: (LASER * np.arange(m)[:, None] + one).ravel() for m in (5, 20)}
und = Undulator.resonant(ref, LASER / 79, period=0.01, n_periods=60)
lobe = np.sinc(und.n_periods * (lines / 79 - 1.0)) ** 2  # on the axis
fig, (left, right) = plt.subplots(1, 2, figsize=(8.8, 3.4))
comb = np.abs(bunching_factor(trains[5], LASER / lines)) ** 2
left.plot(lines, comb, color=BLUE, lw=0.8, label="5 microbunches, |b|²")
left.plot(lines, lobe * comb.max(), color=GREEN, lw=1, label="undulator, 60 periods")
left.fill_between(lines, comb * lobe, color=ORANGE, lw=0, label="light on the axis")
left.set(xlabel="frequency / laser frequency", ylabel="|b|²", ylim=(0, 0.75))
left.legend(fontsize=8, loc="upper right")
near = np.linspace(78.8, 79.2, 401)
for m, colour in ((5, BLUE), (20, ORANGE)):
    seen = np.abs(bunching_factor(trains[m], LASER / near)) ** 2
    right.plot(near, seen / seen.max(), color=colour, label=f"{m} microbunches")
    above = near[seen > 0.5 * seen.max()]
    print(f"train of {m:2d}: width of the line {np.ptp(above) / 79:.2e}, 0.886/(79 x {m}) = {0.886 / (79 * m):.2e}")
right.set(xlabel="frequency / laser frequency", ylabel="|b|² / largest")
right.legend(fontsize=8)
plt.show()

# %% [markdown]
# A real train is 10 ns long. `ExitLight` is what optics are handed: line width and coherence length from the train (or the laser), divergence from the particles, size of one transverse mode.

# %%
exit_light = ExitLight.of_train(light, average_current=0.05, train_length=3.0, laser_line_width=1e-9)
print(
    f"average {exit_light.average_power:.0f} W of {exit_light.peak_power / 1e3:.2f} kW peak, width {exit_light.relative_bandwidth:.1e}, coherence {exit_light.coherence_length:.2f} m, waist {1e6 * exit_light.sizes[0]:.1f} µm rms"
)

# %% [markdown]
# ## 6. Fluctuations
#
# Electrons are points. The power of $N_e$ of them drawn from the same density scatters from shot to shot with the relative variance $(4/N_e)(\cosh x - 1)$, $x = (k\sigma_z)^2$:

# %%
shots, electrons, x = (200, 3000, 1.0) if REDUCED else (1000, 10_000, 1.0)
powers = np.array(
    [
        abs(bunching_factor(LIGHT / (2 * np.pi) * math.sqrt(x) * rng.standard_normal(electrons), LIGHT)) ** 2
        for _ in range(shots)
    ]
)
want = relative_variance(math.exp(-x / 2), math.exp(-2 * x), electrons)
got = powers.var(ddof=1) / powers.mean() ** 2
print(
    f"relative variance of {shots} shots {got:.3e}, formula {want:.3e} = {4 / electrons * (math.cosh(x) - 1):.3e}, error of the estimate {math.sqrt(2 / shots) * want:.1e}"
)
fig, axis = plt.subplots(figsize=(5.6, 3.0))
axis.hist(powers / powers.mean(), bins=40, density=True, color=BLUE, alpha=0.8)
spread = math.sqrt(want)
at = np.linspace(1 - 4 * spread, 1 + 4 * spread, 200)
axis.plot(at, np.exp(-0.5 * ((at - 1) / spread) ** 2) / (spread * math.sqrt(2 * math.pi)), color=ORANGE)
axis.set(xlabel="power / mean", ylabel="density of shots")
plt.show()

# %% [markdown]
# ## 7. What the beam pays
#
# The light is taken from the electrons. `energy_exchange` gives each particle the work that the common field does on it; the mean is the power over the current, exactly.

# %%
beam = microbunch(slope=20e-6, spread=4e-4)
loss = -energy_exchange(light, beam) * ref.beta * ref.p0c
print(f"radiated {light.power:.3f} W at 1 A, mean loss {loss.mean():.3f} eV: ratio {loss.mean() / light.power:.12f}")
fig, axis = plt.subplots()
few = slice(None, None, 4)
dots = axis.scatter(
    beam.z[few] / LIGHT, loss[few] / 1e3, s=3, c=1e6 * np.hypot(beam.x, beam.y)[few], cmap="viridis", rasterized=True
)
axis.axhline(loss.mean() / 1e3, color=ORANGE, lw=1, label="mean")
fig.colorbar(dots, ax=axis, label="distance to the axis [µm]")
axis.set(xlabel="z / λ", ylabel="loss in one pass [keV]")
axis.legend(fontsize=8)
plt.show()

# %% [markdown]
# ## 8. When the beam no longer stands still
#
# All this takes the beam as unchanged by its own light. The gain parameter $4\pi\rho N$ says when this ends; the package warns above one. `field_growth` integrates beam and field
# together, in one dimension:

# %%
phases = 2 * np.pi * (np.arange(4000) + 0.5) / 4000
phases = phases - 2 * B * np.sin(phases)  # a weak bunching of 0.1
currents = np.geomspace(1e-3, 30.0, 12 if REDUCED else 24)
gains, ratios, deltas = [], [], np.zeros_like(phases)
for current in currents:
    growth = field_growth(phases, deltas, pierce=pierce_parameter(euv, current, SIZE, SIZE), n_periods=euv.n_periods)
    gains.append(growth.gain)
    ratios.append(growth.power_ratio)
fig, axis = plt.subplots()
axis.semilogx(gains, ratios, "o-", ms=4, color=BLUE)
axis.axvline(1.0, color=ORANGE, lw=1, label="warning")
axis.set(xlabel="4πρN", ylabel="power / power of an unchanged beam", ylim=(0, 6))
axis.set_xticks([0.2, 0.5, 1, 2, 4], ["0.2", "0.5", "1", "2", "4"])
axis.minorticks_off()
axis.legend(fontsize=8)
plt.show()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always", ValidityWarning)
    gain = gain_parameter(euv, 1.0, SIZE, SIZE)
print(f"1 A in 20 µm: 4 pi rho N = {gain:.2f}, power {np.interp(gain, gains, ratios):.2f} of that of an unchanged beam")
print(caught[0].message)

# %% [markdown]
# ## 9. Brightness, coherence, and the generations of light sources
#
# An undulator in a storage ring sends partly coherent light: the share in one transverse mode is $(\lambda/4\pi)^2$ over the phase space of light and electrons together.
# Microbunches radiate one common field; their light is one mode whatever the emittance, the emittance only takes power.

# %%
emittances = np.geomspace(1e-12, 1e-8, 60)
fig, axis = plt.subplots(figsize=(5.6, 3.2))
for n_und, colour in ((euv, BLUE), (Undulator.resonant(ref, 100e-9, 0.02, 100), ORANGE)):
    share = [undulator_brightness(n_und, ElectronBeam(ref, 1.0, e, e, 1.0, 1.0)).coherent_fraction for e in emittances]
    axis.semilogx(1e9 * emittances, share, color=colour, label=f"{1e9 * n_und.wavelength():.3g} nm")
    axis.axvline(1e9 * n_und.wavelength() / (4 * math.pi), color=colour, lw=0.8, ls=":")
axis.set(xlabel="emittance of both planes [nm], dotted: λ/4π", ylabel="share in one mode", ylim=(0, 1.05))
axis.legend(fontsize=8)
plt.show()

# %%
table = compare_generations()
print(table)

# %%
ssmb.plot(table)

# %% [markdown]
# An FEL has the peak: gigawatts, for femtoseconds, on average what its current allows, watts to kilowatts. A microbunched beam has the average: it radiates all the time, and in one mode. Its hundreds of watts, which go as $|b|^2$, are
# those of section 2: $|b| = 0.1$ on every turn, at 1 A. What a lattice of magnets makes of this is the subject of notebook 06.
