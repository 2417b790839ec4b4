"""plot(): the figure that belongs to an object."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ssmb.arguments import checked
from ssmb.errors import ConfigError

if TYPE_CHECKING:
    from ssmb.plot.canvas import Figure

#: Class -> function of this room that draws one, and that draws several; named, for their modules load long.
#: Of a class without the first, one is drawn as several.
_FIGURES: dict[str, tuple[str, str]] = {
    "dynamics.optics.Optics": ("optics.plot_optics", ""),
    "beam.beam.Beam": ("phase_space.plot_phase_space", ""),
    "light.signal.ChargeSignal": ("", "signal.plot_signal"),
    "tracking.monitors.record.Record": ("record.plot_record", ""),
    "buckets.micro_bucket.MicroBucket": ("bucket.plot_bucket", ""),
    "schemes.base.Scheme": ("scheme.plot_scheme", "scheme.plot_scheme_harmonics"),
    "schemes.compare.SchemeComparison": ("", "scheme.plot_scheme_needs"),
    "dynamics.equilibrium.Equilibrium": ("equilibrium.plot_equilibrium", ""),
    "light.generations.compare.Generations": ("generations.plot_generations", ""),
    "facility.source.SourceLight": ("source.plot_source", "source.plot_harmonics"),
    "light.tracked.TrackedLight": ("light.plot_light", ""),
    "collective.haissinski.HaissinskiBunch": ("", "stability.plot_haissinski"),
    "collective.coasting_stability.CoastingStability": ("stability.plot_coasting", ""),
    "collective.vlasov.VlasovRun": ("stability.plot_vlasov", ""),
    "studies.study.Result": ("study.plot_study", ""),
    "studies.scan.ScanResult": ("scan.plot_scan", ""),
}
#: What to say of some of them in messages.
_WORDS = {"Beam": "Beam (with wavelength=...)", "Result": "Result of a study"}


@checked
def plot(what: Any, *, wavelength: float | None = None, lattice: Any = None) -> Figure:
    """Draw the figure that belongs to an object.

    Parameters
    ----------
    what : a Lattice (its optics), Optics, a Beam (longitudinal phase space), the record of a monitor (its curves
        against turn; of whole beams that of the last one), a ChargeSignal
        or a sequence of them (light against charge), a MicroBucket (separatrices), a Scheme (phase space on its way,
        |b| against harmonic) or several, SchemeComparisons at several harmonics (laser power), an Equilibrium (sizes
        around the ring), a Generations (light sources side by side), TrackedLight (over the angles), a SourceLight (its
        losses) or several, a HaissinskiBunch (line density) or several, a CoastingStability (growth against
        wavelength), a VlasovRun (against turn), the Result of a study (all of these that the run has), or a
        ScanResult (what was found against its axes).
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
    from ssmb.quantity import quantities_of

    kinds = _kinds(what)
    if "tracking.monitors.record.Record" in kinds and "beams" in quantities_of(what):
        if not what.beams:
            raise ConfigError(f"this {type(what).__name__} holds no beam: the run ended before the first was due")
        what = what.beams[-1]
    if "lattice.tree.Lattice" in kinds:
        from ssmb.dynamics import optics

        what, lattice = optics(what, compare_edges=False), what
    several = isinstance(what, Sequence)
    items = list(what) if several else [what]
    kind = next((k for k in _FIGURES if items and all(k in _kinds(item) for item in items)), "")
    one, row = _FIGURES.get(kind, ("", ""))
    name = row if several or not one else one
    if not name:
        words = {k.rpartition(".")[2]: " or several" if row else "" for k, (_, row) in _FIGURES.items()}
        known = ["Lattice", *(_WORDS.get(n, n) + more for n, more in words.items())]
        raise ConfigError(f"no figure is known for a {type(what).__name__}; plot() takes: {', '.join(known)}")
    options: dict[str, Any] = {"lattice": lattice} if name.endswith(("plot_optics", "plot_equilibrium")) else {}
    if name.endswith("plot_phase_space"):
        if wavelength is None:
            raise ConfigError("a Beam is drawn over a few wavelengths: give wavelength=... [m], such as 1064e-9")
        options = {"wavelength": wavelength}
    module, _, function = name.partition(".")
    draw = getattr(import_module(f"ssmb.plot.{module}"), function)
    return draw(what if several or one else items, **options)


def _kinds(thing: Any) -> list[str]:
    """The classes of an object that are of this package."""
    names = [f"{cls.__module__}.{cls.__qualname__}" for cls in type(thing).__mro__]
    return [name.removeprefix("ssmb.") for name in names if name.startswith("ssmb.")]
