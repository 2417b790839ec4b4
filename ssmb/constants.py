"""Physical constants: CODATA values of :mod:`scipy.constants`, SI and eV, under the names that the package uses."""

import math

from scipy import constants as _codata

SPEED_OF_LIGHT: float = _codata.c  #: [m/s]
ELEMENTARY_CHARGE: float = _codata.e  #: [C]
PLANCK: float = _codata.h  #: [J s]
HBAR: float = _codata.hbar  #: [J s]
VACUUM_PERMITTIVITY: float = _codata.epsilon_0  #: [F/m]
VACUUM_IMPEDANCE: float = _codata.physical_constants["characteristic impedance of vacuum"][0]  #: [ohm]
FINE_STRUCTURE: float = _codata.fine_structure  #: [1]

_J_PER_EV = _codata.e
ELECTRON_MASS_EV: float = _codata.m_e * _codata.c**2 / _J_PER_EV  #: rest energy [eV]
PROTON_MASS_EV: float = _codata.m_p * _codata.c**2 / _J_PER_EV  #: rest energy [eV]

CLASSICAL_ELECTRON_RADIUS: float = _codata.physical_constants["classical electron radius"][0]  #: [m]
ELECTRON_COMPTON_REDUCED: float = _codata.hbar / (_codata.m_e * _codata.c)  #: reduced Compton wavelength [m]

#: Quantum constant of synchrotron radiation, 55 / (32 sqrt 3) * reduced Compton wavelength [m].
C_Q: float = 55.0 / (32.0 * math.sqrt(3.0)) * ELECTRON_COMPTON_REDUCED
#: Sands' radiation constant, 4 pi / 3 * r_e / (m c^2)^3 [m/eV^3].
C_GAMMA: float = 4.0 * math.pi / 3.0 * CLASSICAL_ELECTRON_RADIUS / ELECTRON_MASS_EV**3
