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
# # Microbunching schemes: ten ways to make $|b|$
#
# A beam radiates coherently at a wavelength $\lambda/n$ if its bunching factor $b_n = \langle e^{-inkz}\rangle$ is not zero. A laser can only
# change momenta; a scheme is the trick that turns this into density, at a harmonic $n$ far above the laser. This notebook puts the
# ten schemes of the package side by side: closed form, tracked thin model, real magnets; what each asks for; and how far each is
# from what is possible at all.

# %%
import dataclasses
import os

import matplotlib.pyplot as plt
import numpy as np

import ssmb
from ssmb.errors import PhysicsError
from ssmb.plot.scheme import plot_scheme, plot_scheme_harmonics
from ssmb.schemes import SCHEMES, EchoEnabled, Given, compare_schemes
from ssmb.schemes.eehg import optimise_echo
from ssmb.schemes.kicked import bessel_peak
from ssmb.schemes.single_stage import optimise_single_stage
from ssmb.schemes.terms import path_terms
from ssmb.schemes.theorems import energy_coupling_product, section_h

REDUCED = os.environ.get("SSMB_NOTEBOOK_REDUCED") == "1"  # fewer particles and points, for the tests
PARTICLES = 2**13 if REDUCED else 2**16
BLUE, ORANGE, GREEN, BLACK = "#0072B2", "#D55E00", "#009E73", "#000000"
plt.rcParams |= {
    "figure.dpi": 80,
    "figure.figsize": (6.4, 3.6),
    "figure.constrained_layout.use": True,
    "axes.grid": True,
    "grid.alpha": 0.25,
}
rng = np.random.default_rng(4)

# %% [markdown]
# ## 1. What a scheme is
#
# Each scheme is one frozen object with all its parameters. It knows its closed form (`bunching`), the thin model of laser kicks and
# linear sections for which this form is exact (`thin_line`), a quiet beam in front of it (`beam`), its member for a wanted harmonic
# (`design`), and most know a beamline of real magnets (`parts`, `beamline`). One call each:

# %%
print(f"{'scheme':15s} {'harmonic':>8s} {'closed form':>12s} {'thin model':>11s} {'magnets':>8s}")
for name, cls in sorted(SCHEMES.items()):
    scheme = cls.examples()[0]
    n = scheme.best_harmonic()
    thin = scheme.tracked_bunching([n], scheme.beam(PARTICLES))[0]
    try:
        magnets = f"{scheme.beamline_bunching([n], n=PARTICLES)[0]:.4f}"
    except PhysicsError:
        magnets = "none"
    print(f"{name:15s} {n:8d} {scheme.bunching(n):12.4f} {thin:11.4f} {magnets:>8s}")

# %% [markdown]
# Where the second and third column differ it is the number of macroparticles: an echo folds the beam into dozens of bands, and
# $2^{16}$ particles leave some $4\cdot10^{-3}$ of noise in it. With $2^{20}$ particles all ten agree to $10^{-4}$ (`tests/contract/test_schemes.py`).
# The magnets, with the laser as one kick, agree as well, but for the two couplings, which lose to the path $T_{544}$: section 6 has
# the named terms. All harmonics:

# %%
plot_scheme_harmonics([SCHEMES[name].examples()[0] for name in sorted(SCHEMES)], n=PARTICLES)

# %% [markdown]
# ## 2. Four tricks in phase space
#
# **One modulation, one dispersive section** (CHG, HGHG). The sine wave stands up. The incoming momentum spread $\sigma_\delta$
# stands up as well, each electron by $R_{56}\delta$: this is the factor $\exp(-(nkR_{56}\sigma_\delta)^2/2)$, and the reason why the modulation has to
# be $n$ times the spread.

# %%
plot_scheme(SCHEMES["single_stage"].examples()[1], most_harmonic=12, n=PARTICLES)

# %% [markdown]
# **Echo** (EEHG). A first, strong section shears the beam into thin bands, each with a small spread of its own. The second laser and
# a weak section stand up all bands at once: the density has as many spikes as there are bands. The modulation can stay at a few
# $\sigma_\delta$ at the 24th harmonic. The price is memory: the bands must survive from one laser to the other.

# %%
plot_scheme(SCHEMES["eehg"].examples()[0], n=PARTICLES)

# %% [markdown]
# **Angular dispersion** (ADM). A bend in front of the laser ties the vertical angle to the incoming momentum, not to the laser's. A dogleg with
# $\eta b = -\xi$ lets the incoming momentum drop out: the wave stands up, as thick as the *vertical emittance* allows, $\sqrt{\epsilon_yH}$.

# %%
plot_scheme(SCHEMES["adm"].examples()[0], n=PARTICLES)

# %% [markdown]
# **Transverse-longitudinal coupling** (TLC, generalised strong focusing) is the same idea with any optics between laser and radiator, here
# with an even smaller emittance: 20 pm, and a spike of 2 nm. Up to the 79th harmonic:

# %%
plot_scheme(SCHEMES["tlc_energy"].examples()[0], most_harmonic=80, n=PARTICLES)

# %% [markdown]
# ## 3. The theorems: how weak can the laser be?
#
# Full compression needs the chirp $h = kA$ and a section $z \mathrel{+}= a_1y + a_2y' + R_{56}\delta$ with $a\cdot D = -R_{56} = 1/h$. By Cauchy and Schwarz
# $(a\cdot D)^2 \le \mathcal H_\mathrm{rad}\mathcal H_\mathrm{mod}$, thus $h^2\mathcal H_\mathrm{mod}\mathcal H_\mathrm{rad} \ge 1$ (theorem 1); an angular modulation
# of slope $t$ has $t^2\beta_\mathrm{mod}\mathcal H_\mathrm{rad} \ge 1$ (theorem 2). The products are the factor of laser power above the least. Random optics:

# %%
tries = 5_000 if REDUCED else 100_000
beta, alpha = 10 ** rng.uniform(-1, 2, tries), rng.normal(0.0, 2.0, tries)
(eta, slope), (a1, a2) = rng.normal(0.0, 1.0, (2, tries)), rng.normal(0.0, 1.0, (2, tries))
h_mod = (eta**2 + (alpha * eta + beta * slope) ** 2) / beta
h_rad = (a2**2 + (beta * a1 - alpha * a2) ** 2) / beta
products = h_mod * h_rad / (a1 * eta + a2 * slope) ** 2
checked = [
    energy_coupling_product(1.0 / (a1[i] * eta[i] + a2[i] * slope[i]), h_mod[i], section_h(beta[i], alpha[i], a1[i], a2[i]))
    for i in range(100)
]  # fmt: skip
assert np.allclose(checked, products[:100], rtol=1e-9)
print(f"{tries} random couplings: least product {products.min():.7f}, median {np.median(products):.1f}")

# %%
fig, axis = plt.subplots()
axis.hist(products, bins=np.geomspace(0.5, 1e4, 90), color=BLUE, alpha=0.85)
axis.axvline(1.0, color=ORANGE, lw=1.5, label="bound of theorem 1")
axis.set(
    xscale="log", xlabel=r"$h^2\mathcal{H}_\mathrm{mod}\mathcal{H}_\mathrm{rad}$", ylabel="random couplings per bin"
)
axis.legend(fontsize=8)
plt.show()

# %% [markdown]
# Random optics waste a factor of a few to thousands of laser power. A bend with a dogleg is at the bound for any beta function; the
# TLC example has twice the least $\mathcal H_\mathrm{mod}$. A product below one is refused, with the least that is possible:

# %%
for name in ("adm", "tlc_energy", "tlc_angular"):
    print(f"{name:12s} product {SCHEMES[name].examples()[0].bound_product():.4f}")
try:
    energy_coupling_product(chirp=1e4, h_mod=0.05, h_rad=0.1e-6)
except PhysicsError as error:
    print(error)

# %% [markdown]
# ## 4. The optimisers: the best sections for a given modulation
#
# In units of the spread, $A = \Delta\delta/\sigma_\delta$ and $B = kR_{56}\sigma_\delta$. A single stage has $J_n(nAB)e^{-(nB)^2/2}$: one best $B$ for each $A$. An
# echo has two sections; the map shows $|b_{24}|$ over both, for $A_1 = A_2 = 3$.

# %%
ref, light, spread = ssmb.Reference(energy=1.2e9), 266e-9, 1.25e-4
best = optimise_echo(ref, light, spread, 24, a1=3.0, a2=3.0)
points = 21 if REDUCED else 81
b1, b2 = np.linspace(6.5, 12.5, points), np.linspace(0.26, 0.5, points)
values = [[EchoEnabled.from_dimensionless(ref, light, spread, 3.0, 3.0, u, v).bunching(24) for u in b1] for v in b2]
print(f"best echo: B1 = {best.b1:.3f}, B2 = {best.b2:.4f}, |b_24| = {best.bunching(24):.4f}")

# %%
fig, axis = plt.subplots(figsize=(6.0, 3.8))
mesh = axis.pcolormesh(b1, b2, np.array(values), cmap="viridis", shading="nearest", rasterized=True)
axis.plot([best.b1], [best.b2], "+", color="w", ms=12, mew=2)
axis.set(xlabel="$B_1$, first section", ylabel="$B_2$, second section")
axis.grid(False)
fig.colorbar(mesh, ax=axis, label="$|b_{24}|$")
plt.show()

# %% [markdown]
# Two ridges, $24B_2 - B_1 = \pm Z$ with $Z \approx 0.5$: the bands of the first section must meet again in the second. Between them $J_1(A_1Z)$ is
# zero, so a second section that is off by 4 % loses everything; along a ridge the maximum is flat. How far do both schemes reach? The ceilings are the peaks of Bessel functions.

# %%
orders = np.array([2, 3, 5, 7, 10, 14, 20, 28, 40, 56, 80])
fig, axis = plt.subplots()
for a, colour in ((3, BLUE), (10, ORANGE), (30, GREEN)):
    single = [
        optimise_single_stage(ref, light, spread, int(n), most_amplitude=a * spread).bunching(int(n)) for n in orders
    ]
    axis.loglog(orders, single, "o-", ms=4, color=colour, label=f"one stage, A = {a}")
for a, colour in ((1, BLUE), (3, ORANGE)):
    echo = [optimise_echo(ref, light, spread, int(n), a1=a, a2=a).bunching(int(n)) for n in orders]
    axis.loglog(orders, echo, "s--", ms=4, mfc="none", color=colour, label=f"echo, $A_1 = A_2$ = {a}")
axis.loglog(orders, [bessel_peak(int(n)) for n in orders], ":", color=BLACK, label="peak of $J_n$")
axis.set(xlabel="harmonic n", ylabel="best |b|", ylim=(1e-3, 1))
axis.set_xticks(orders, [str(n) for n in orders], minor=False)
axis.minorticks_off()
axis.legend(fontsize=8, ncols=2)
plt.show()

# %% [markdown]
# One stage ends near $n \approx A$. An echo falls only with $n^{-1/3}$, for any modulation: with $A = 3$ it has 0.11 at the 24th
# harmonic, where one stage would need $A = 30$.

# %% [markdown]
# ## 5. What does a wanted harmonic cost?
#
# One beam for all: 600 MeV, $\sigma_\delta = 4\cdot10^{-4}$, vertical emittance 20 pm (longitudinal for `lsf`), 1064 nm, a modulator of 20 periods of 80 mm.
# The wanted bunching is 5 % at 13.5 nm, $n = 79$. Each scheme at the bound of its theorem, thin models, no collective effects:

# %%
print(compare_schemes(79, 0.05))

# %%
ssmb.plot([compare_schemes(n, 0.05) for n in (5, 10, 20, 40, 79)])

# %% [markdown]
# - At $n = 5$ the *micro-bucket* is the cheapest: it uses the laser on every turn, and the ring's damping does the rest.
# - *TLC* needs 23 MW at $n = 79$ where all schemes that fight the momentum spread need gigawatts: it fights the emittance of 20 pm instead.
# - The *echo* is the cheapest of all on paper. It needs $R_{56}$ = 28 mm and a memory of the bands over it: $\sigma_\delta/B_1$ = 6e-6 of
#   momentum must not be stirred by radiation and scattering between the two lasers. Seeded FELs do this in a single pass; no ring does it turn by turn.
# - *Angular modulation* loses by $10^4$: a TEM01 mode of some 100 µm gives little angle. ($\beta_\mathrm{mod}$ is 10 m here; the power falls with $1/\beta$.)
# - The reversible form of ADM needs two lasers and leaves the beam as it was; the echo and the single stage leave their modulation in it.
#
# What is given can be changed. TLC power against emittance, at $\mathcal H_\mathrm{mod}$ = 0.05 m:

# %%
for emittance in (5e-12, 20e-12, 80e-12, 320e-12):
    row = compare_schemes(79, 0.05, Given(emittance=emittance), names=["tlc_energy"]).row("tlc_energy")
    print(f"emittance {1e12 * emittance:4.0f} pm: {1e-6 * row.laser_power:7.1f} MW, R56 {1e6 * row.r56[0]:7.1f} µm")

# %% [markdown]
# ## 6. Real magnets, in six dimensions
#
# `parts` makes the magnets: here for ADM a vertical bend, an undulator with the laser in it, and a dogleg, matched by the tracked maps
# so that $R_{56}$ and $a\cdot D$ of the whole way, undulator slip and $1/\gamma^2$ included, are those of the scheme.

# %%
adm = SCHEMES["adm"].examples()[0]
magnets = adm.beamline()
for element in magnets:
    print(
        f"{element.kind:8s} {element.name:5s} {element.length:6.3f} m  angle {1e3 * getattr(element, 'angle', 0.0):7.3f} mrad"
    )

# %% [markdown]
# Tracked exactly, it has every nonlinear path term, and the undulator has a length: an electron that has gained momentum in its first half moves ahead in the
# second, $N\lambda h$ = 0.2 of the whole compression, so that the wave it sees is no longer a sine. The closed form has this as a second harmonic of the kick.

# %%
orders = list(range(2, 31, 2))
fig, axis = plt.subplots()
for thick, colour, mark, words in (
    (False, BLUE, "o", "laser as one kick"),
    (True, GREEN, "s", "light along the undulator"),
):
    tracked = adm.beamline_bunching(orders, n=2 * PARTICLES, thick=thick)
    closed = np.array([adm.realised(thick=thick).bunching(n) for n in orders])
    axis.semilogy(orders, closed, "-", color=colour, label=f"closed form, {words}")
    axis.semilogy(orders, tracked, mark, ms=4, mfc="none", color=colour, label=f"magnets, {words}")
    at = orders.index(6)
    print(f"{words:26s} |b_6| closed form {closed[at]:.4f}, tracked in 6D {tracked[at]:.4f}")
axis.set(xlabel="harmonic n", ylabel="|b|", ylim=(1e-2, 0.5))
axis.legend(fontsize=8)
plt.show()

# %% [markdown]
# The long undulator wants some 15 % more laser amplitude; then it is even a little better than the sine at its own best:

# %%
for more in (1.0, 1.1, 1.2):
    other = dataclasses.replace(adm, amplitude=more * adm.amplitude)
    thin, long = (other.beamline_bunching([24], n=PARTICLES, thick=thick)[0] for thick in (False, True))
    print(
        f"{more:.1f} times the amplitude: |b_24| = {thin:.3f} with one kick, {long:.3f} with light along the undulator"
    )

# %% [markdown]
# `path_terms` names the nonlinear terms: the Taylor map of the section behind the kick is taken term by term on the particles, $nk$ times the rms path is the phase that
# it makes, and the last column is what it does to $|b_n|$. For ADM at 43 nm they hardly matter. For TLC at 13.5 nm one of them does:

# %%
tlc = SCHEMES["tlc_energy"].examples()[0]
print(path_terms(adm, 24, n=PARTICLES).table(), end="\n\n")
print(path_terms(tlc, 79, n=2 * PARTICLES).table())
print(
    f"TLC: closed form {tlc.realised().bunching(79):.4f}, tracked in 6D {tlc.beamline_bunching([79], n=2 * PARTICLES)[0]:.4f}"
)

# %% [markdown]
# $T_{544}y'^2$, the longer way of an electron with an angle, makes four radians at 13.5 nm in less than four metres. The beam has a dispersion of $D' = 0.14$ at
# the modulator, so the angles come from the momentum spread: 56 µrad rms, where those of 20 pm would be 2. No scheme escapes this family of terms. In the wide beam of a chicane it is $T_{522}$, from the emittance:

# %%
wide = SCHEMES["single_stage"].examples()[2]
print(path_terms(wide, 7, n=PARTICLES).table())
print(f"closed form {wide.realised().bunching(7):.5f}, tracked in 6D {wide.beamline_bunching([7], n=PARTICLES)[0]:.5f}")

# %% [markdown]
# They ask for large beta functions, small emittances, dispersion without slope, and short ways from modulator to radiator. Notebook 06 meets them again.
#
# ## 7. And back: reversible modulation
#
# In a ring the modulation must not stay. The reversible form of ADM takes it out again with a second laser behind the mirrored dogleg.
# What a path error between the two lasers leaves is a random kick, and it costs emittance on every turn:

# %%
back = SCHEMES["adm_reversible"].examples()[0]
for path in (0.0, 1e-9, 10e-9):
    one = dataclasses.replace(back, path_error=path)
    print(
        f"path error {1e9 * path:4.0f} nm: rms of delta left {one.residual_modulation():.2e}, emittance +{100 * one.emittance_growth() / one.emittance:.3f} % a turn"
    )

# %% [markdown]
# Damping takes back some $10^{-5}$ to $10^{-4}$ of the emittance a turn. A path error of one nanometre, with 0.2 % a turn, is more than a ring of this kind
# can stand, while it would hardly be seen in the bunching at the 20th harmonic. This *closure* is what notebook 06 is about.
