"""The fast ring model: a ring as a few maps between its laser modulators, with damping and diffusion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ssmb.arguments import checked
from ssmb.elements import Element
from ssmb.errors import ConfigError, LatticeError, nearest
from ssmb.lattice.tree import Lattice
from ssmb.maps.radiation import Radiation
from ssmb.ring_models.parts import parts_of
from ssmb.ring_models.radiation import radiation_of
from ssmb.ring_models.sections import Ring, kicks, linear_elements, slips, slips_beyond

ORDERS = (1, 2, 3, 4)
MODULATORS = ("thin", "thick")


@checked
def ring_model(
    lattice: Lattice,
    *,
    order: int = 3,
    modulators: str = "thin",
    keep: Sequence[str] = (),
    radiation: Radiation | str = "quantum",
) -> Lattice:
    """Return a lattice of few elements that stands for a ring, some fifty times faster to track.

    Everything between two laser modulators (or kept places) becomes one map about the closed orbit (that with
    radiation, if the model has it: in a ring with little slip, the slip depends on it); modulators and cavities stay
    elements. What tracks, analyses or saves a lattice does so with the model; its radiation is switched as that of the
    ring is, with ``track(model, ..., radiation="quantum")``. The model begins at the first modulator or kept place.

    Parameters
    ----------
    lattice : ring with Wigglers that have a laser (on or off), or with places to keep.
    order : 1: matrices, with the second and third order of the slip (of particles without betatron motion); 2 to 4:
        exactly symplectic kicks that give the Taylor map of the section to this order: chromaticity, path length and
        slip by betatron amplitude, detuning with amplitude (order 3); and the slip by momentum alone to the ninth
        power. Kicks have terms of higher orders of their own: 4 where a ring stands near a resonance
        of fifth order or has strong sextupoles.
    modulators : "thin": one kick in the middle, its profile averaged along the undulator, its power scaled (1 %) so
        that the amplitude on axis is that of the whole modulator; focusing and R56 of the undulator are in the maps.
        "thick": the Wigglers as they are.
    keep : names of elements at whose entrance monitors are wanted (a modulator or cavity is always there; a thin one is
        seen in its middle).
    radiation : in any mode but "off" the model radiates: loss, damping and Gaussian diffusion of each section, from the
        damped map of the ring (:mod:`ssmb.dynamics`), with pole faces and angles of photons as they are asked for.

    Returns
    -------
    Lattice
        Of the same length and reference, periodic.

    Raises
    ------
    ConfigError
        Wrong arguments.
    LatticeError
        The lattice has no modulator and no kept place, is not a ring, or ``keep`` names nothing in it.
    PhysicsError
        The ring is not stable, has no closed orbit, or nothing replaces the energy that it loses.

    Notes
    -----
    Left out: apertures; terms above the order; the change that a cavity makes to the nonlinear part of its section,
    which is of the relative size of one energy kick; photons one by one (Gaussian noise instead: a micro-bucket loses
    no particle by one hard photon); the change of damping and diffusion with amplitude and energy. Where in a section
    light is lost does not show within the section. Without cavities the maps do not depend on z at all, so that every
    bucket of the laser is like every other. The maps are symplectic to rounding at every order, so that there is no
    limit to the number of turns other than that of the physics.

    Examples
    --------
    >>> import math
    >>> from ssmb.beam import Reference
    >>> from ssmb.elements import Bend, Marker
    >>> half = Bend(length=2.0, angle=math.pi / 2, Kn1=-0.3)
    >>> ring = Lattice.from_elements([Marker(name="m"), half, half, half, half], Reference(1e9))
    >>> [e.name for e in ring_model(ring, order=1, keep=["m"], radiation="off")]
    ['m', 'section_1_slip', 'section_1_map']
    """
    _check(lattice, order, modulators, keep)
    parts = parts_of(lattice, modulators == "thick", keep)
    ring = Ring.of(parts, lattice.reference, Radiation.of(radiation))
    nonlinear = slips(ring) if order == 1 else kicks(ring, order)
    maps: list[list[Element]] = []
    for number, part in enumerate(nonlinear, start=1):
        name = f"section_{number}"
        own: list[Element] = [replace(part, name=f"{name}_{'slip' if order == 1 else 'kicks'}")] if part else []
        maps.append(own + linear_elements(ring, number - 1, f"{name}_map"))
    for number, slip in enumerate(slips_beyond(ring, maps) if order > 1 else (), start=1):
        if slip:
            maps[number - 1].insert(1, replace(slip, name=f"section_{number}_slip"))
    lumps = radiation_of(ring, maps)
    elements: list[Element] = []
    for number, ((begin, _), section) in enumerate(zip(ring.sections(), maps, strict=True), start=1):
        elements += [parts[begin - 1].element, *section]
        elements += [replace(lump, name=f"section_{number}_radiation") for lump in lumps[number - 1 : number] if lump]
    return Lattice.from_elements(elements, lattice.reference, name=f"{lattice.name}_model", periodic=True)


def _check(lattice: Lattice, order: int, modulators: str, keep: Sequence[str]) -> None:
    if not isinstance(lattice, Lattice):
        raise ConfigError(f"ring_model needs a Lattice, not {type(lattice).__name__}")
    if isinstance(order, bool) or order not in ORDERS:
        raise ConfigError(f"order must be 1, 2, 3 or 4, not {order!r}")
    if modulators not in MODULATORS:
        raise ConfigError(f"modulators must be 'thin' or 'thick', not {modulators!r}.{nearest(modulators, MODULATORS)}")
    if isinstance(keep, str):
        raise ConfigError(f"keep must be a list of names, like keep=[{keep!r}]")
    if lattice.periodic is False:
        raise LatticeError(f"lattice '{lattice.name}' is a single pass (periodic: false); a ring model needs a ring")
