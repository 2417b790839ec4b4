"""plot(): the figure that belongs to an object."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ssmb.errors import ConfigError

if TYPE_CHECKING:
    from ssmb.plot.canvas import Figure

#: What can be plotted, for messages.
PLOTTED = (
    "Lattice",
    "Optics",
    "Beam (with wavelength=...)",
    "ChargeSignal or several",
    "Record of a monitor (of whole beams: with wavelength=...)",
    "MicroBucket",
    "Scheme or several",
    "SchemeComparison, two or more",
    "Equilibrium",
    "Generations",
    "SourceLight or several",
    "Result of a study",
    "TrackedLight",
)


def plot(what: Any, *, wavelength: float | None = None, lattice: Any = None) -> Figure:
    """Draw the figure that belongs to an object.

    Parameters
    ----------
    what : a Lattice (its optics), Optics, a Beam (longitudinal phase space), the record of a monitor (its curves
        against turn; of whole beams that of the last one), a ChargeSignal
        or a sequence of them (light against charge), a MicroBucket (separatrices), a Scheme (phase space on its way,
        |b| against harmonic) or several, SchemeComparisons at several harmonics (laser power), an Equilibrium (sizes
        around the ring), a Generations (light sources side by side), TrackedLight (over the angles), a SourceLight (its
        losses) or several, or the Result of a study (all of these that the run has).
    wavelength : length of one microbunch [m]; needed for a Beam, and not used by the others.
    lattice : the Lattice of an Optics or an Equilibrium, to draw its magnets.

    Returns
    -------
    Figure
        A matplotlib figure that shows itself in a notebook; ``.savefig("name.pdf")`` writes it to a file. It is drawn
        without pyplot, so nothing has to be closed.

    Raises
    ------
    ConfigError
        There is no figure for such an object, or it holds nothing that could be drawn.
    PhysicsError
        No particle is alive, or a lattice has no closed orbit.

    Examples
    --------
    >>> import numpy as np
    >>> from ssmb.beam import Beam, Reference
    >>> beam = Beam.coasting(Reference(250e6), 1e-8*np.eye(6), wavelength=1e-6, n=500, charge=1e-12)
    >>> plot(beam, wavelength=1e-6).axes[1].get_xlabel()
    'z / λ'
    """
    from ssmb.beam import Beam
    from ssmb.buckets import MicroBucket
    from ssmb.lattice import Lattice
    from ssmb.light.signal import ChargeSignal
    from ssmb.quantity import quantities_of
    from ssmb.tracking.monitors import Record

    if isinstance(what, Record):
        if "beams" not in quantities_of(what):
            from ssmb.plot.record import plot_record

            return plot_record(what)
        what = _last_beam(what)
    if isinstance(what, Beam):
        from ssmb.plot.phase_space import plot_phase_space

        if wavelength is None:
            raise ConfigError("a Beam is drawn over a few wavelengths: give wavelength=... [m], such as 1064e-9")
        return plot_phase_space(what, wavelength)
    if isinstance(what, MicroBucket):
        from ssmb.plot.bucket import plot_bucket

        return plot_bucket(what)
    if isinstance(what, ChargeSignal) or _is_row_of(what, ChargeSignal):
        from ssmb.plot.signal import plot_signal

        return plot_signal([what] if isinstance(what, ChargeSignal) else what)
    if isinstance(what, Lattice):
        from ssmb.dynamics import optics
        from ssmb.plot.optics import plot_optics

        return plot_optics(optics(what), what)
    return _of_result(what, lattice)


def _last_beam(record: Any) -> Any:
    if not record.beams:
        raise ConfigError(f"this {type(record).__name__} holds no beam: the run ended before the first was due")
    return record.beams[-1]


def _of_result(what: Any, lattice: Any) -> Figure:
    """Results whose modules take long to load, so they come last."""
    from ssmb.dynamics import Equilibrium, Optics
    from ssmb.studies import Result

    if isinstance(what, Optics):
        from ssmb.plot.optics import plot_optics

        return plot_optics(what, lattice)
    if isinstance(what, Equilibrium):
        from ssmb.plot.equilibrium import plot_equilibrium

        return plot_equilibrium(what, lattice)
    if isinstance(what, Result):
        from ssmb.plot.study import plot_study

        return plot_study(what)
    return _of_light(what)


def _of_light(what: Any) -> Figure:
    """Schemes and sources of light."""
    from ssmb.facility import SourceLight
    from ssmb.light import Generations, TrackedLight
    from ssmb.schemes import Scheme, SchemeComparison

    if isinstance(what, TrackedLight):
        from ssmb.plot.light import plot_light

        return plot_light(what)
    if isinstance(what, Scheme):
        from ssmb.plot.scheme import plot_scheme

        return plot_scheme(what)
    if _is_row_of(what, Scheme):
        from ssmb.plot.scheme import plot_scheme_harmonics

        return plot_scheme_harmonics(what)
    if isinstance(what, SchemeComparison) or _is_row_of(what, SchemeComparison):
        from ssmb.plot.scheme import plot_scheme_needs

        return plot_scheme_needs([what] if isinstance(what, SchemeComparison) else what)
    if isinstance(what, Generations):
        from ssmb.plot.generations import plot_generations

        return plot_generations(what)
    if isinstance(what, SourceLight):
        from ssmb.plot.source import plot_source

        return plot_source(what)
    if _is_row_of(what, SourceLight):
        from ssmb.plot.source import plot_harmonics

        return plot_harmonics(what)
    raise ConfigError(f"no figure is known for a {type(what).__name__}; plot() takes: {', '.join(PLOTTED)}")


def _is_row_of(what: Any, kind: type) -> bool:
    return isinstance(what, Sequence) and len(what) > 0 and all(isinstance(item, kind) for item in what)
