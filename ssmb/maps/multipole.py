"""Kicks of the field expansion B_y + i B_x = B0 rho * sum_n (Kn + i Ks)(x + i y)^n / n! (PALS; MAD-X for Kn1, Kn2
...).
"""

from __future__ import annotations

from ssmb.kernels.jit import scalar
from ssmb.kernels.loops import kernel
from ssmb.maps.kicks import MULTIPOLE_TERMS, multipole_kick, normal_quadrupole_kick, normal_sextupole_kick
from ssmb.maps.splitting import drift_kick_steps

QUADRUPOLE_STEPS = drift_kick_steps("quadrupole", normal_quadrupole_kick, 1)
SEXTUPOLE_STEPS = drift_kick_steps("sextupole", normal_sextupole_kick, 1)
MULTIPOLE_STEPS = drift_kick_steps("multipole", multipole_kick, MULTIPOLE_TERMS)


@kernel("multipole_thin", MULTIPOLE_TERMS, invert=lambda p: tuple(-v for v in p))
@scalar
def multipole_thin(x, px, y, py, z, delta, rpp, dbeta, p):
    """Thin multipole of integrated strengths Kn L/n!, Ks L/n!."""
    a, b, _ = multipole_kick(x, y, delta, 1.0, p)
    return x, px + a, y, py + b, z, delta
