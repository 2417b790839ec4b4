"""Places modulo the laser wavelength, with the number of the bucket kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ssmb.arguments import checked
from ssmb.beam.rows import coordinate_array
from ssmb.errors import ConfigError
from ssmb.ranges import finite, positive

#: largest |z|/wavelength: above, doubles do not hold the number of the bucket and a place in it
MOST_BUCKETS = 2.0**52


@checked
def fold(z: ArrayLike, wavelength: float, centre: float = 0.0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the places within one bucket and the number of the bucket that each came from.

    Parameters
    ----------
    z : places [m], any shape.
    wavelength : length of a bucket [m].
    centre : middle of bucket 0 [m].

    Returns
    -------
    (z_in, index): ``z = z_in + index*wavelength`` with z_in in [centre - wavelength/2, centre + wavelength/2) and index
    an int64, both of the shape of z. For centre 0 z_in is exact (no rounding), however far the bucket is; for
    another centre it is good to one rounding of its own size or of the centre's.

    Raises
    ------
    ConfigError
        Arguments that are not finite, or places beyond 2^52 wavelengths.

    Examples
    --------
    >>> z_in, index = fold([0.25, 0.5, -3.25], 1.0)
    >>> z_in.tolist(), index.tolist()
    ([0.25, -0.5, -0.25], [0, 1, -3])
    """
    length, middle = positive("wavelength", wavelength, "m"), finite("centre", centre, "m")
    places = coordinate_array("z", z)
    if not np.isfinite(places).all():
        raise ConfigError("z must be finite [m]; leave lost particles out")
    if max(np.max(np.abs(places), initial=0.0), abs(middle)) >= MOST_BUCKETS * length:
        raise ConfigError(f"z reaches beyond 2^52 wavelengths of {length:g} m: its place within one is not known")
    # the remainder of a division is exact, and so is taking off the last one or two periods
    z_in = np.fmod(places, length)
    z_in = z_in - np.floor((z_in - middle) / length + 0.5) * length
    # the quotient above is rounded: keep the half-open interval strictly
    z_in = np.where(z_in - middle < -0.5 * length, z_in + length, z_in)
    z_in = np.where(z_in - middle >= 0.5 * length, z_in - length, z_in)
    return z_in, np.rint((places - z_in) / length).astype(np.int64)
