"""Physical constants: CODATA 2022, SI and eV, under the names that the package uses.

The measured ones stand here as numbers, so that a result does not change with the version of another package; a test
compares them with :mod:`scipy.constants`.
"""

import math

SPEED_OF_LIGHT: float = 299792458.0  #: [m/s], exact
ELEMENTARY_CHARGE: float = 1.602176634e-19  #: [C], exact
PLANCK: float = 6.62607015e-34  #: [J s], exact
HBAR: float = PLANCK / (2.0 * math.pi)  #: [J s]
VACUUM_PERMITTIVITY: float = 8.8541878188e-12  #: [F/m]
VACUUM_IMPEDANCE: float = 376.730313412  #: [ohm]
FINE_STRUCTURE: float = 7.2973525643e-3  #: [1]

_ELECTRON_MASS = 9.1093837139e-31  # [kg]
_PROTON_MASS = 1.67262192595e-27  # [kg]
ELECTRON_MASS_EV: float = _ELECTRON_MASS * SPEED_OF_LIGHT**2 / ELEMENTARY_CHARGE  #: rest energy [eV]
PROTON_MASS_EV: float = _PROTON_MASS * SPEED_OF_LIGHT**2 / ELEMENTARY_CHARGE  #: rest energy [eV]

CLASSICAL_ELECTRON_RADIUS: float = 2.8179403205e-15  #: [m]
ELECTRON_COMPTON_REDUCED: float = HBAR / (_ELECTRON_MASS * SPEED_OF_LIGHT)  #: reduced Compton wavelength [m]

#: Quantum constant of synchrotron radiation, 55 / (32 sqrt 3) * reduced Compton wavelength [m].
C_Q: float = 55.0 / (32.0 * math.sqrt(3.0)) * ELECTRON_COMPTON_REDUCED
#: Sands' radiation constant, 4 pi / 3 * r_e / (m c^2)^3 [m/eV^3].
C_GAMMA: float = 4.0 * math.pi / 3.0 * CLASSICAL_ELECTRON_RADIUS / ELECTRON_MASS_EV**3

# Bands in which the power of EUV light is counted: conventions of the field, full relative widths.
IN_BAND: float = 0.02  #: at 13.5 nm [1]
IN_BAND_BLUE: float = 0.006  #: at 6.x nm, the width of La/B mirrors [1]
BLUE_RANGE: tuple[float, float] = (6.5e-9, 6.9e-9)  #: what counts as 6.x nm: just above the K edge of boron [m]
