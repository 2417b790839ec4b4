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
# # Equilibrium and local slip: how short can a bunch be that stays?
#
# In a storage ring the bunch is what radiation damping and the randomness of photons leave. The textbook says: energy spread
# from the bends, times a longitudinal beta function from the focusing. For SSMB this is not enough. A photon is emitted
# *somewhere* in a bend, and the way from there to the observer has its own momentum compaction, the running slip $F(s)$. The
# bunch length then depends on the place, and has a floor, $\sigma_\delta\,\mathrm{rms}F$. This notebook shows it at the MLS, finds the
# smallest emittance that bends allow, and looks at a 400 MeV ring that comes within a quarter of it.

# %%
import math
import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import ssmb
from ssmb.dynamics import (
    equilibrium,
    isomagnetic_sigma_delta,
    minimum_bunch_length,
    minimum_horizontal_emittance,
    minimum_longitudinal_emittance,
    minimum_partial_slip,
    optics,
    radiation_integrals,
)
from ssmb.elements.energy_restorer import EnergyRestorer
from ssmb.elements.linear_map import LinearMap
from ssmb.lattice import Lattice
from ssmb.tracking import MomentMonitor

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
# ## 1. The MLS at 250 MeV: envelope and radiation integrals
#
# `equilibrium` solves $\Sigma = M\Sigma M^T + D$ with the damped 6x6 map about the closed orbit and the diffusion of every radiation
# point; nothing is assumed about coupling. `radiation_integrals` is the textbook, for rings whose planes are not coupled.

# %%
mls = ssmb.load_lattice(LATTICES / "mls.pals.yaml")
envelope, integrals = equilibrium(mls), radiation_integrals(mls)
print(f"energy loss       {envelope.energy_loss:8.3f} eV   {integrals.energy_loss:8.3f} eV")
print(f"emittance x       {1e9 * envelope.emittances[0]:8.4f} nm   {1e9 * integrals.emittances[0]:8.4f} nm")
for plane, a, b in zip("xyz", envelope.damping_times, integrals.damping_times, strict=True):
    print(f"damping time {plane}    {a:8.4f} s    {b:8.4f} s")
print(f"energy spread     {envelope.sigma_delta[0]:.4e}    {integrals.sigma_delta:.4e} (textbook)")
print(f"synchrotron tune  {envelope.tunes[2]:.4e}")

# %% [markdown]
# The pole faces of the rectangular bends radiate too, where the dispersion is not zero. Some codes leave this out:

# %%
for faces in (True, False):
    j = equilibrium(mls, radiation=ssmb.Radiation("envelope", edges=faces)).partition_numbers
    print(
        f"pole faces {'radiate' if faces else 'do not '}: J_x = {j[0]:.4f}, J_y = {j[1]:.4f}, J_z = {j[2]:.4f}, sum {j.sum():.6f}"
    )

# %% [markdown]
# ## 2. The bunch length around the ring
#
# The envelope has an energy spread that hardly changes and a bunch length that changes by a factor of six. Two things stretch the
# bunch where the dispersion is not zero: betatron motion, $\sqrt{\epsilon_x H_x}$, and the slip from the cavity to the place. The
# points are tracked: electrons that emit photons one by one, started with the size of the envelope at the beginning of the ring.

# %%
n, turns = (256, 1) if REDUCED else (2048, 5)
places = [e.name for e in mls if e.kind in ("Marker", "Bend", "Sextupole", "Octupole")]
beam = ssmb.Beam.matched(envelope, n=n, charge=5e-12, start="quiet", centroid=envelope.closed_orbit[0])
run = ssmb.track(mls, beam, turns, radiation="quantum", seed=1, monitors=[MomentMonitor(at=p) for p in places])
tracked = np.array([math.sqrt(np.asarray(run.monitors[f"moments@{p}"].sigma)[-1, 4, 4]) for p in places])
at = np.array([envelope.index(p) for p in places])
worst = np.abs(tracked / envelope.sigma_z[at] - 1.0).max()
print(f"tracked against envelope: {100 * worst:.2f} % at the worst of {len(places)} places, turn {turns}")

# %%
fine = mls.with_markers({f"m{i}": s for i, s in enumerate(np.linspace(0.05, 47.95, 60 if REDUCED else 240))})
found, course = equilibrium(fine), optics(fine)
slip = course.partial_r56 - course.partial_r56[course.index("L4")]
betatron = np.sqrt(found.emittances[0] * course.H_x)

fig, (top, below) = plt.subplots(2, 1, sharex=True, figsize=(6.4, 5.2), height_ratios=(2, 1))
top.plot(found.s, 1e6 * found.sigma_z, color=BLUE, label="envelope")
top.plot(envelope.s[at], 1e6 * tracked, "o", ms=3.5, mfc="none", color=ORANGE, label="tracked photons")
top.plot(found.s, 1e6 * betatron, color=GREEN, lw=1, ls="--", label=r"$\sqrt{\epsilon_x H_x}$ alone")
top.axhline(1e6 * found.sigma_z[found.index("U125")], color="k", lw=0.8, ls=":", label="one length, as in textbooks")
top.set(ylabel=r"$\sigma_z$ [µm]", ylim=(0, 300))
top.legend(fontsize=8, ncols=2, loc="upper center")
below.plot(found.s, 1e3 * slip, color=BLUE)
below.set(xlabel="s [m]", ylabel="slip from the\ncavity [mm]", xlim=(0, 48))
plt.show()

# %% [markdown]
# Most of the steps is betatron motion: even in the straights K1 and L4 a little dispersion makes $\sqrt{\epsilon_xH_x}$ = 52 and 61 µm.
# Added in squares to the 36 µm of U125 and to the slip times the energy spread it gives the curve. The physical model (exact
# maps, $1/\gamma^2$, pole faces) has 64, 36 and 71 µm at K1, U125 and cavity; the published export, of a coarser integrator, 68, 40, 75.

# %%
for place in ("K1", "U125", "L4"):
    print(f"{place:5s} sigma_z = {1e6 * envelope.sigma_z[envelope.index(place)]:.1f} µm")

# %% [markdown]
# ## 3. The floor
#
# A bend with the smallest running slip, closed to a ring by itself: one cell of the 400 MeV ring below. Thin longitudinal focusing of any
# strength holds the beam. The classical length falls as $\beta_z$; the length of the envelope does not:
# $\sigma_z = \sigma_\delta\sqrt{\beta_z^2 + \mathrm{var}F}$. (That ring has two weak bends beside each straight, so that its 20 bends have
# 17.8°; this is why rms $F$ lies a little below the minimum for 18°.)

# %%
ring = ssmb.load_lattice(LATTICES / "ssmb_400mev_ring.pals.yaml")
ANGLE = math.pi / 10
cell = Lattice("cell", ring.reference, ring[ring.index("MID#1") : ring.index("MID#2")], periodic=True)
cell = cell.with_changes({"QF": {"angle": cell.find("QF")[0].angle + 1e-5}})  # a slip factor > 0, for the focusing
slip_of_cell, rms_slip = optics(cell).slip_factor * cell.length, radiation_integrals(cell).slip_rms
LOSS = radiation_integrals(cell).energy_loss
dispersion = np.eye(6)  # the focusing acts on z without its betatron part
dispersion[0, 5] = dispersion[4, 1] = optics(cell).at(0)["dispersion_x"]


def focused(beta):
    """Length without betatron part and longitudinal emittance of the cell with a longitudinal beta function [m]."""
    kick = np.eye(6)
    kick[5, 4] = slip_of_cell / (beta**2 + 0.25 * slip_of_cell**2)
    matrix = dispersion @ kick @ np.linalg.inv(dispersion)
    thin = LinearMap(name="rf", matrix=tuple(map(tuple, matrix.tolist())))
    back = EnergyRestorer(name="gain", energy_gain=LOSS)
    found = equilibrium(Lattice("focused", cell.reference, (thin, *cell.elements, back), periodic=True))
    clean = np.linalg.inv(dispersion) @ found.sigma[0] @ np.linalg.inv(dispersion).T
    return math.sqrt(clean[4, 4]), found.emittances[2]


betas = np.geomspace(2e-5, 3e-3, 7 if REDUCED else 25)
lengths, emittances = np.array([focused(b) for b in betas]).T
spread = isomagnetic_sigma_delta(cell.reference, 1.0)
print(f"rms F {1e6 * rms_slip:.1f} µm, smallest possible {1e6 * minimum_partial_slip(1.0, ANGLE):.1f} µm")
print(
    f"smallest length {1e9 * lengths.min():.1f} nm, floor {1e9 * minimum_bunch_length(cell.reference, 1.0, ANGLE):.1f} nm"
)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6))
line = np.geomspace(2e-5, 3e-3, 200)
left.loglog(1e6 * betas, 1e9 * lengths, "o", ms=4, color=ORANGE, label="envelope")
left.loglog(
    1e6 * line,
    1e9 * spread * np.hypot(line, rms_slip),
    color=BLUE,
    label=r"$\sigma_\delta\sqrt{\beta_z^2+\mathrm{var}F}$",
)
left.loglog(1e6 * line, 1e9 * spread * line, color="k", lw=1, ls="--", label=r"classical, $\sigma_\delta\beta_z$")
left.set(xlabel=r"$\beta_z$ [µm]", ylabel=r"$\sigma_z$ [nm]", ylim=(5, 2000))
left.legend(fontsize=8)
least = minimum_longitudinal_emittance(cell.reference, ANGLE)
right.loglog(1e6 * betas, 1e12 * emittances, "o", ms=4, color=ORANGE, label="envelope")
right.axhline(1e12 * least, color=BLUE, label=f"theoretical minimum, {1e12 * least:.1f} pm")
right.axvline(1e6 * rms_slip, color="k", lw=1, ls=":", label=r"$\beta_z$ = rms $F$")
right.set(xlabel=r"$\beta_z$ [µm]", ylabel=r"$\epsilon_z$ [pm]", ylim=(15, 500))
right.legend(fontsize=8)
plt.show()

# %% [markdown]
# ## 4. The smallest longitudinal emittance
#
# In a bend of radius $\rho$ the slip is a cubic of the place, $F = u^3/6\rho^2 + \dots$; its variance is smallest when it has the shape of
# the Legendre polynomial $P_3$, for which $D_0 = -L^2/40\rho$ in the middle: $\epsilon_z = C_q\gamma^2\theta^3/(60\sqrt7J_z)$. We scan the
# dispersion in the middle of the bend, with the best focusing at each, $\epsilon_z = \sigma_\delta^2\cdot2\,\mathrm{rms}F$.

# %%
depth = np.linspace(-0.06, 0.02, 161)  # D0 in units of L^2/rho
u = np.linspace(-0.5, 0.5, 2001) * ANGLE
slips = u**3 / 6.0 + depth[:, None] * ANGLE**2 * u
rms = np.sqrt(np.mean((slips - slips.mean(axis=1, keepdims=True)) ** 2, axis=1))
ratio = 2.0 * spread**2 * rms / least
best = depth[np.argmin(rms)]
print(f"best D0 = {best:.4f} L^2/rho (-1/40 = -0.0250); there {ratio.min():.4f} of the closed form")
print(
    f"isochronous bend, D0 = -1/24: {np.interp(-1 / 24, depth, ratio):.3f}; D0 = 0: {np.interp(0.0, depth, ratio):.2f}"
)

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6))
left.plot(depth, ratio, color=BLUE)
for x, text in ((-1 / 40, "minimum\n$-1/40$"), (-1 / 24, "isochronous\n$-1/24$")):
    y = np.interp(x, depth, ratio)
    left.plot([x], [y], "o", color=ORANGE)
    left.annotate(text, (x, y), (x, y + 0.9), fontsize=8, ha="center", arrowprops={"arrowstyle": "-", "lw": 0.6})
left.set(
    xlabel=r"$D_0$ in the middle of the bend [$L^2/\rho$]", ylabel=r"$\epsilon_z$ / theoretical minimum", ylim=(0, 6)
)
for d, text, colour in ((-1 / 40, "$-1/40$", BLUE), (-1 / 24, "$-1/24$", ORANGE), (0.0, "0", GREEN)):
    right.plot(u / ANGLE, 1e6 * (u**3 / 6.0 + d * ANGLE**2 * u), color=colour, label=f"$D_0$ = {text} $L^2/\\rho$")
right.set(xlabel="place in the bend, u/L", ylabel=r"running slip $F$ [µm], $\rho$ = 1 m, 18°")
right.legend(fontsize=8)
plt.show()

# %% [markdown]
# ## 5. A 400 MeV ring
#
# `lattices/ssmb_400mev_ring.pals.yaml` has 20 such bends in 100 m, a slip factor of $10^{-6}$ whose higher orders are matched away, and a
# laser modulator (1 MW, 1064 nm) in a straight without dispersion. `lattices/design/isochronous_ring.py` found it with the package's own
# matching. A bend of the smallest slip lengthens the path; the next quadrupole, two milliradian beside its axis, takes this back.

# %%
ssmb.plot(optics(ring), lattice=ring)

# %%
bucket, sums, o = equilibrium(ring, lasers=True), radiation_integrals(ring), optics(ring)
print(f"slip factor {o.slip_factor:.4e}, second order {o.slip_factor2:.1e}, third order {o.slip_factor3:.1e}")
print(f"tunes {o.qx:.4f}, {o.qy:.4f}, synchrotron tune in the bucket {bucket.tunes[2]:.4f}")
print(f"energy loss {bucket.energy_loss:.1f} eV, energy spread {bucket.sigma_delta[0]:.3e}")
print(
    f"emittance x {1e12 * bucket.emittances[0]:.0f} pm (theoretical minimum {1e12 * minimum_horizontal_emittance(ring.reference, ANGLE):.0f} pm)"
)
print(
    f"emittance z {1e12 * bucket.emittances[2]:.1f} pm: {bucket.emittances[2] / least:.2f} times the theoretical minimum"
)
print(f"rms F {1e6 * sums.slip_rms:.1f} µm, floor of the length {1e9 * sums.slip_rms * sums.sigma_delta:.1f} nm")
for place in ("UND", "CAV"):
    print(f"sigma_z at {place} {1e9 * bucket.sigma_z[bucket.index(place)]:.1f} nm")

# %%
fig, axis = plt.subplots(figsize=(6.4, 3.2))
axis.semilogy(bucket.s, 1e9 * bucket.sigma_z, color=BLUE, label="laser on, micro-bucket")
axis.axhline(
    1e9 * minimum_bunch_length(ring.reference, 1.0, ANGLE), color="k", lw=0.9, ls=":", label="floor of 20 bends of 18°"
)
axis.set(xlabel="s [m]", ylabel=r"$\sigma_z$ [nm]", xlim=(0, 100), ylim=(20, 6000))
axis.legend(fontsize=8, loc="upper center", ncols=2)
plt.show()

# %% [markdown]
# Micro-bunches live in the straights. In the arcs betatron motion smears them over micrometres, and the mirror symmetry of the
# ring puts them together again: 78 nm at the laser, 74 nm half a turn away. This is the linear envelope. Tracked with its whole
# emittance the beam is 85 to 90 nm long, because the path of a betatron oscillation has a second order that the matching left
# alone, and 0.8 % of a Gaussian beam leave the bucket in 200 turns. The slip factor keeps its value over the bucket:

# %%
deltas = np.linspace(-3e-3, 3e-3, 3 if REDUCED else 13)
local = np.array([optics(ring, delta=d).slip_factor for d in deltas])
fig, axis = plt.subplots(figsize=(6.4, 3.0))
axis.plot(1e3 * deltas, 1e6 * local, "o-", ms=4, color=BLUE)
axis.axvspan(-1.69, 1.69, color=GREEN, alpha=0.15, lw=0, label="height of the micro-bucket")
axis.set(xlabel=r"$\delta$ [$10^{-3}$]", ylabel=r"local slip factor [$10^{-6}$]", ylim=(0, 1.5))
axis.legend(fontsize=8, loc="lower center")
plt.show()
