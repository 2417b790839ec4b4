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
# # Micro-buckets: microbunches as the steady state of a ring
#
# In the proof of principle (notebook 01) the laser acts once and the bunching is gone a few turns later. If the laser is there on
# every turn, each of its wavelengths is a bucket like that of an RF cavity, a millionfold smaller. Electrons that are bound
# in it stay bunched, turn after turn. This notebook looks at one such bucket: its shape, its tune, what happens when it
# gets strong, how a coasting beam falls into it, and how long an electron stays.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

import ssmb
from ssmb.beam import boltzmann_bunching
from ssmb.buckets import LongitudinalRing, MicroBucket, Slip, ThinModulator, capture_coasting_beam
from ssmb.buckets.lifetime import pendulum_lifetime, sands_lifetime, turn_by_turn_factor
from ssmb.buckets.standard_map import standard_map_island
from ssmb.elements import ELEMENTS
from ssmb.maps.undulator_relations import resonant_deflection
from ssmb.plot.bucket import plot_bucket
from ssmb.plot.canvas import new_figure

REDUCED = os.environ.get("SSMB_NOTEBOOK_REDUCED") == "1"  # fewer particles and turns, for the tests
LASER = 1064e-9  # m
C = 100.0  # m
BLUE, RED, GREEN, PINK, ORANGE, SKY, BLACK = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
)  # fmt: skip
plt.rcParams.update(
    {"figure.dpi": 80, "figure.figsize": (6.4, 3.6), "axes.grid": True, "grid.alpha": 0.25, "figure.constrained_layout.use": True}
)  # fmt: skip
rng = np.random.default_rng(2)


def bucket_of(k_std, slip_factor=1e-6, **more):
    """Bucket with the standard-map parameter K_s."""
    return MicroBucket(LASER, slip_factor, C, k_std * LASER / (2 * np.pi * abs(slip_factor) * C), **more)


def half_turn(bucket, z, delta, part=0.5):
    """Slip of a part of the turn: separatrices belong to the middle of the slip or of the kick."""
    slip = delta * (bucket.slip_factor + delta * (bucket.slip_factor2 + delta * bucket.slip_factor3))
    return z - part * bucket.circumference * slip


# %% [markdown]
# ## 1. One bucket
#
# A 400 MeV ring of 100 m with a slip factor of $10^{-6}$ and a modulator in a cavity with 1 MW: the laser changes the energy by
# $A\sin kz$ with $A = 4.2\cdot10^{-4}$, the ring turns energy into place, $z \to z - \eta C\,\delta$. The wiggler and its light are
# elements of the package; the arc is a plain slip with damping and noise.

# %%
REF = ssmb.Reference(energy=400e6)
PERIOD, LENGTH = 0.05, 1.5
SIGMA_DELTA = 3.4e-4
wiggler = ELEMENTS["Wiggler"](
    name="modulator", length=LENGTH, period_length=PERIOD, K=resonant_deflection(LASER, PERIOD, REF.gamma), slices=1,
    laser_wavelength=LASER, laser_power=1e6, laser_rayleigh_length=0.359 * LENGTH, laser_model="THIN",
)  # fmt: skip
own_r56 = 2 * LENGTH / PERIOD * LASER


def rows(matrix):
    return tuple(tuple(row) for row in matrix.tolist())


def arc(name, slip, damping=0.0):
    """Slip r56, then delta shrinks by 2 alpha and gets the noise that keeps SIGMA_DELTA."""
    m, shrink, noise = np.eye(6), np.eye(6), np.zeros((6, 6))
    m[4, 5], shrink[5, 5] = slip, 1 - 2 * damping
    noise[5, 5] = SIGMA_DELTA**2 * (1 - shrink[5, 5] ** 2)
    return ELEMENTS["SSMB_LinearMap"](name=name, matrix=rows(m), damping_matrix=rows(shrink), diffusion=rows(noise))


def ring(damping):
    """Half an arc, the modulator, half an arc."""
    rest = -(1e-6 * C + own_r56)
    return ssmb.Lattice.from_elements([arc("A", 0.5 * rest), wiggler, arc("B", 0.5 * rest, damping)], REF)


probe = np.zeros((6, 256))
probe[4] = (np.arange(256) + 0.5) / 256 * LASER
kicked = ssmb.track(ssmb.Lattice.from_elements([wiggler], REF), ssmb.Beam(REF, probe), 1).beam
amplitude = 2 * abs(np.mean(kicked.delta * np.exp(-2j * np.pi * probe[4] / LASER)))
bucket = MicroBucket(LASER, 1e-6, C, amplitude)
print(
    f"A = {amplitude:.3e} from tracking, K_s = {bucket.k_std:.3f}, tune {bucket.tune:.4f} (smooth {bucket.smooth_tune:.4f})"
)
print(
    f"half height {bucket.half_height:.3e} = {bucket.half_height / SIGMA_DELTA:.1f} sigma_delta, area {bucket.area:.3e} m"
)
print(
    f"matched sigma_z {1e9 * bucket.sigma_z(SIGMA_DELTA):.1f} nm, beta_z at the kick {1e3 * bucket.beta_z_kick:.4f} mm"
)

# %% [markdown]
# A coasting beam that is three times too wide meets the laser. Damping is made fast here ($\alpha = 10^{-3}$ per turn; the real
# ring has $6\cdot10^{-6}$), so that three damping times can be tracked in seconds. Blue electrons are inside the separatrix.

# %%
N = 2000 if REDUCED else 6000
TURNS = 300 if REDUCED else 2500
start = np.zeros((6, N))
start[4], start[5] = LASER * (rng.random(N) - 0.5), 3 * SIGMA_DELTA * rng.standard_normal(N)
lattice = ring(damping=1e-3)
every = TURNS // 25
beams, first = [ssmb.Beam(REF, start)], 0
for _ in range(25):
    beams.append(ssmb.track(lattice, beams[-1], every, seed=5, first_turn=first).beam)
    first += every
figure = new_figure(10.0, 3.6)
left, right = figure.subfigures(1, 2)
plot_bucket(bucket, beams[1], height=2.6e-3, title=f"turn {every}", into=left)
plot_bucket(bucket, beams[-1], height=2.6e-3, title=f"turn {first}", into=right)

# %% [markdown]
# ## 2. Tune against amplitude
#
# The bucket is a pendulum: the tune falls with amplitude as $\nu_0\,\pi/2K(m)$, $m = \sin^2(kz_{\max}/2)$, and vanishes at the
# separatrix. Tracked electrons follow it to better than $10^{-3}$ for a weak kick. What is left is the thin kick: it raises the
# tune at the centre by $K_s/24$ (dotted) and lowers it near the separatrix, in proportion to $K_s$.


# %%
def tracked_tune(bucket, z_max, turns):
    """Tunes of many electrons from their upward passages of the centre."""
    z, delta = bucket.centre + z_max, np.zeros_like(z_max)
    first, last, count = np.zeros(z.size), np.zeros(z.size), np.zeros(z.size, dtype=int)
    before = z - bucket.centre
    for n in range(turns):
        z = half_turn(bucket, z, delta)
        z, delta = bucket.turn(z, delta)
        z = half_turn(bucket, z, delta, -0.5)
        now = z - bucket.centre
        up = (before < 0) & (now >= 0) & (now - before < 0.5 * LASER)
        when = n + before / np.where(up, before - now, 1.0)
        first = np.where(up & (count == 0), when, first)
        last = np.where(up, when, last)
        count += up
        before = now
    return (count - 1) / (last - first)


fig, (top, low) = plt.subplots(2, 1, sharex=True, figsize=(6.4, 4.6), height_ratios=(2, 1))
shares = np.append(np.linspace(0.02, 0.9, 12), [0.95, 0.98])
fine = np.linspace(0.001, 0.9995, 300)
for k_std, colour, mark in ((0.01, BLUE, "o"), (0.25, RED, "s")):
    b = bucket_of(k_std)
    got = tracked_tune(b, shares * 0.5 * LASER, 2000 if REDUCED else 12_000)
    want = np.array([b.tune_at(s * 0.5 * LASER) for s in shares])
    top.plot(shares, got / b.smooth_tune, mark, color=colour, ms=5, mfc="none", label=f"tracked, $K_s$ = {k_std}")
    low.plot(shares, (got / want - 1) / k_std, mark + "-", color=colour, ms=4, mfc="none", lw=0.8)
    print(f"K_s = {k_std}: largest deviation from the elliptic integral {np.abs(got / want - 1).max():.1e}")
top.plot(fine, [b.tune_at(s * 0.5 * LASER) / b.smooth_tune for s in fine], "k-", lw=1, label="elliptic integral")
top.set(ylabel=r"$\nu/\nu_0$", ylim=(0, 1.08))
top.legend(loc="lower left")
low.axhline(1 / 24, color=BLACK, lw=0.8, ls=":")
low.set(xlabel=r"amplitude $z_{\max}/(\lambda/2)$", ylabel="deviation / $K_s$", xlim=(0, 1))
plt.show()

# %% [markdown]
# ## 3. Energy loss and nonlinear slip
#
# A net loss per turn moves the centre to the phase where the laser replaces it, and opens one end of the bucket: a quarter of $A$
# costs 40 % of the area. And at $\eta = 10^{-6}$ the next orders of the slip count: where $\eta_0 + \eta_1\delta$ vanishes, at
# $\delta = -\eta_0/\eta_1$, a second row of buckets sits (α-buckets), half a wavelength away. When the laser is strong
# enough, the separatrices reconnect and the height of the main bucket is limited by the slip.

# %%
lossy = bucket_of(0.05, energy_loss=0.25 * bucket_of(0.05).amplitude)
plain = bucket_of(0.05)
eta1 = [-1e-6 / (f * plain.half_height) for f in (2.4, 1.5)]
shown = [lossy, bucket_of(0.05, slip_factor2=eta1[0]), bucket_of(0.05, slip_factor2=eta1[1])]
for b, name in zip(shown, ("loss", "weak", "strong"), strict=True):
    print(
        f"{name:6s}: area {b.area / plain.area:.2f}, height {b.half_height / plain.half_height:.2f} of the plain bucket, "
        f"{len(b.buckets())} row(s), limited by the {'slip' if b.main.limited_by_slip else 'laser'}"
    )
figure = new_figure(10.0, 3.6)
left, middle, right = figure.subfigures(1, 3)
plot_bucket(shown[0], title="loss A/4", into=left)
plot_bucket(shown[1], title="weak", into=middle)
plot_bucket(shown[2], title="strong", into=right)

# %% [markdown]
# ## 4. Strong focusing: chaos and what is left
#
# With one kick per turn the bucket is the standard map. The linear motion is stable up to $K_s = 4$, but the separatrix breaks
# up into a chaotic sea much earlier. Points are 300 turns of electrons that start on a line through the centre.


# %%
def section(bucket, turns, starts=26):
    z = np.concatenate([np.linspace(0.004, 0.496, starts) * LASER, np.zeros(starts)])
    delta = np.concatenate([np.zeros(starts), np.linspace(0.01, 1.15, starts) * bucket.half_height])
    out = []
    for _ in range(turns):
        z = half_turn(bucket, z, delta)
        z, delta = bucket.turn(z, delta)
        z = half_turn(bucket, z, delta, -0.5)
        out.append((z, delta))
    z, delta = (np.array(a) for a in zip(*out, strict=True))
    return ssmb.fold(z, LASER)[0] / LASER, delta / bucket.half_height


fig, axes = plt.subplots(1, 4, sharex=True, sharey=True, figsize=(10.0, 3.2))
for axis, k_std in zip(axes, (0.05, 0.5, 1.0, 2.0), strict=True):
    b = bucket_of(k_std)
    z, delta = section(b, 300)
    axis.plot(z, delta, ",", color=BLUE, alpha=0.8, rasterized=True)
    s, d = b.separatrix()
    axis.plot(s / LASER, d / b.half_height, color=RED, lw=1.2)
    axis.plot(s / LASER, -d / b.half_height, color=RED, lw=1.2)
    axis.set(xlabel="z / λ", xlim=(-0.5, 0.5), ylim=(-1.25, 1.25))
    axis.set_title(f"$K_s$ = {k_std:g}", fontsize=10, loc="left")
    axis.grid(False)
axes[0].set_ylabel(r"$\delta/\delta_{1/2}$")
plt.show()

# %% [markdown]
# The area that stays bound is measured by tracking a grid of starts. Two modulators per turn with half the slip each are two
# weaker standard maps: with the same amplitude in each they stand twice the $K_s = k|\eta|CA$ of a turn. The bunch length
# depends on the place: $\beta_z$ is largest at a modulator and smallest half way between two.

# %%
grid, turns = (41, 300) if REDUCED else (101, 1500)
scan = np.array([0.1, 0.3, 0.5, 0.7, 0.9, 1.1, 1.4, 1.7, 2.0, 2.5, 3.0, 3.5, 4.0])
one = [standard_map_island(k, turns, grid) / (16 * k**0.5) for k in scan]
two = [standard_map_island(k / 2, turns, grid) / (16 * (k / 2) ** 0.5) for k in scan]
fig, (left, right) = plt.subplots(1, 2, figsize=(10.0, 3.6))
left.plot(scan, one, "o-", color=BLUE, ms=4, lw=1, label="one modulator")
left.plot(scan, two, "s-", color=RED, ms=4, lw=1, label="two of the same amplitude")
left.axvline(0.9716, color=BLACK, lw=0.8, ls=":")
left.text(0.99, 0.05, "last invariant\ncurve breaks", fontsize=8, transform=left.get_xaxis_transform())
left.set(xlabel=r"$K_s = k|\eta|CA$", ylabel="stable area / smooth separatrix", ylim=(0, 1.05), xlim=(0, 4.1))
left.legend(loc="upper right")

pieces = 20
for n, colour in ((1, BLUE), (2, RED)):
    kick, slips = ThinModulator(bucket_of(0.9).amplitude, LASER), [Slip(-1e-4 / n / pieces)] * pieces
    cells = LongitudinalRing((kick, *slips) * n)
    o = cells.optics()
    path = np.cumsum([0.0] + [0.0 if isinstance(p, ThinModulator) else -p.r56 for p in cells.parts])
    emittance = o.equilibrium_emittance(SIGMA_DELTA, np.gradient(path, edge_order=1) / np.gradient(path).sum())
    right.plot(
        path / path[-1], 1e9 * o.sigma_z(emittance), color=colour, lw=1.5, label=f"{n} modulator{'s' if n > 1 else ''}"
    )
right.axhline(1e9 * bucket_of(0.9).sigma_z(SIGMA_DELTA), color=BLACK, lw=0.8, ls="--", label="smooth, one modulator")
right.set(xlabel="part of the slip since the first modulator", ylabel=r"$\sigma_z$ [nm]", xlim=(0, 1))
right.legend(loc="center right")
plt.show()
print("K_s:           ", *scan)
print("stable area, 1:", *np.round(one, 3))

# %% [markdown]
# ## 5. Capture and bunching against turn
#
# The coasting beam of section 1, turn by turn: what is inside the separatrix, and $b_n$ at the laser and its harmonics. The lines
# are the diffusion of the oscillation energy (`capture_coasting_beam`), in which the first oscillations are averaged out. It
# ends in the Boltzmann distribution, $b_n = I_n(\kappa)/I_0(\kappa)$.

# %%
when = every * np.arange(1, 26)
model = capture_coasting_beam(
    bucket, when, start_sigma_delta=3 * SIGMA_DELTA, sigma_delta=SIGMA_DELTA, damping=1e-3, harmonics=(1, 2, 3, 5)
)
inside = np.array([bucket.inside(b.z, b.delta).mean() for b in beams[1:]])
b_n = np.array([np.real(ssmb.bunching_factor(b, LASER / np.array(model.harmonics))) for b in beams[1:]])
fig, (left, right) = plt.subplots(1, 2, figsize=(10.0, 3.6))
left.plot(when, inside, "o", ms=4, color=BLUE, label="tracked")
left.plot(when, model.captured, color=BLACK, lw=1, label="diffusion of the energy")
left.axhline(bucket.captured_fraction(3 * SIGMA_DELTA), color=RED, lw=0.8, ls="--", label="coasting beam, at once")
left.set(xlabel="turn", ylabel="inside the separatrix", xlim=(0, when[-1]), ylim=(None, 1.01))
left.legend(loc="lower right")
for i, colour in enumerate((BLUE, RED, GREEN, PINK)):
    n = model.harmonics[i]
    right.plot(when, b_n[:, i], "o", ms=3.5, color=colour, label=f"n = {n}")
    right.plot(when, model.bunching[:, i], color=colour, lw=1)
    right.axhline(boltzmann_bunching(bucket.kappa(SIGMA_DELTA), n), color=colour, lw=0.8, ls=":")
right.set(xlabel="turn", ylabel=r"$b_n$", xlim=(0, when[-1]), ylim=(-0.02, 1.15))
right.legend(loc="upper left", ncols=2)
plt.show()
print(f"inside the separatrix: tracked {inside[-1]:.3f}, model {model.captured[-1]:.3f}")
print("b_n tracked  ", *b_n[-1].round(3), f"(noise {1 / np.sqrt(2 * N):.3f})")
print("b_n model    ", *model.bunching[-1].round(3))

# %% [markdown]
# The tracked harmonics end a little above the model: the beam is looked at half way between two kicks, where it is shortest
# (section 4), and with $K_s = 0.25$ that counts for the higher harmonics.
#
# ## 6. Quantum lifetime
#
# Photon noise carries electrons over the separatrix. The life is $e^{\xi}/2\xi$ damping times in a parabolic well (Sands); in
# the cosine bucket it is the first passage of a diffusing oscillation energy. An electron that leaves is not lost: it joins the
# coasting background, and damping may bring it back.


# %%
def survivors(xi, damping=1e-3, k_std=0.02, particles=2000, turns=3000):
    """Share that has never been outside; a settled beam to begin with."""
    b = bucket_of(k_std)
    sigma = b.half_height / np.sqrt(2 * xi)
    noise = sigma * np.sqrt(1 - (1 - 2 * damping) ** 2)
    z, delta = b.sigma_z(sigma) * rng.standard_normal(particles), sigma * rng.standard_normal(particles)
    left = []
    for _ in range(turns):
        keep = b.inside(z, delta)
        z, delta = z[keep], delta[keep]
        left.append(z.size)
        z, delta = b.turn(half_turn(b, z, delta), delta)
        z = half_turn(b, z, delta, -0.5)
        delta = (1 - 2 * damping) * delta + noise * rng.standard_normal(z.size)
    return np.array(left)


fig, (left, right) = plt.subplots(1, 2, figsize=(10.0, 3.6))
measured = []
turns, settle, particles = (900, 300, 600) if REDUCED else (4000, 1500, 3000)
for xi, colour in ((2.0, BLUE), (3.0, RED), (4.0, GREEN), (5.0, PINK)):
    n = survivors(xi, particles=particles, turns=turns)
    t = 1e-3 * np.arange(turns)
    escapes = n[settle] - n[-1]
    life = n[settle:].sum() * 1e-3 / max(escapes, 1)
    measured.append((xi, life / turn_by_turn_factor(xi, 1e-3), 1 / np.sqrt(max(escapes, 1))))
    formula = pendulum_lifetime(xi) * turn_by_turn_factor(xi, 1e-3)
    left.semilogy(t, n / n[0], color=colour, lw=1.2, label=rf"$\xi$ = {xi:g}")
    left.semilogy(
        t[settle:], n[settle] / n[0] * np.exp(-(t[settle:] - t[settle]) / formula), color=BLACK, lw=0.8, ls="--"
    )
    print(
        f"xi = {xi:g}: life {measured[-1][1]:6.2f} +- {100 * measured[-1][2]:.0f} % damping times, formula {pendulum_lifetime(xi):6.2f}"
    )
left.plot([], [], color=BLACK, lw=0.8, ls="--", label="formula")
left.set(xlabel="damping times", ylabel="never outside", xlim=(0, t[-1]), ylim=(0.05, 1.05))
left.set_yticks([0.05, 0.1, 0.2, 0.5, 1.0], ["0.05", "0.1", "0.2", "0.5", "1"])
left.minorticks_off()
left.legend(loc="lower left", ncols=2)
depth = np.linspace(1.0, 12.0, 100)
right.semilogy(depth, [pendulum_lifetime(x) for x in depth], color=BLACK, lw=1.2, label="cosine bucket, first passage")
right.semilogy(depth, [sands_lifetime(x) for x in depth], color=ORANGE, lw=1.2, ls="--", label="parabola (Sands)")
x, y, e = np.array(measured).T
right.errorbar(x, y, y * e, fmt="o", ms=4, color=BLUE, label="tracked")
right.set(xlabel=r"depth $\xi = \delta_{1/2}^2/2\sigma_\delta^2$", ylabel=r"$\tau_q/\tau_z$", xlim=(1, 12))
right.legend(loc="upper left")
plt.show()

# %% [markdown]
# The bucket of section 1 has $\xi = 12$: its electrons stay for thousands of damping times. Shallow buckets leave a little sooner
# than the formula says, which counts the way up from the bottom too: 13 % at $\xi = 3$, 5 % at $\xi = 5$.

# %%
print(f"depth {bucket.depth(SIGMA_DELTA):.2f}: quantum lifetime {bucket.lifetime(SIGMA_DELTA):.0f} damping times")
