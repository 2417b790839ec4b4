"""Packing of what every element has: displacement, aperture, radiation."""

from __future__ import annotations

import math

import numpy as np

from ssmb.beam.reference import Reference
from ssmb.elements.base import Element
from ssmb.errors import LatticeError
from ssmb.maps.apertures import aperture_elliptical, aperture_rectangular
from ssmb.maps.frames import arc, frame_op, roll_ops, rotation_matrix
from ssmb.maps.op import Op
from ssmb.maps.radiation import Radiation
from ssmb.maps.synchrotron_radiation import (
    MOST_RADIATION_OPS,
    PACKERS,
    QUIET,
    RadiationConstants,
    edge_ops,
    photons_of,
    rolled,
)


def aperture_op(element: Element) -> Op | None:
    """The aperture check of an element, or None."""
    if not element.x_limits and not element.y_limits:
        return None
    x0, x1 = element.x_limits or (-math.inf, math.inf)
    y0, y1 = element.y_limits or (-math.inf, math.inf)
    if element.aperture_shape == "RECTANGULAR":
        return Op(aperture_rectangular, (x0, x1, y0, y1))
    centre = tuple(0.5 * (a + b) if math.isfinite(b) else 0.0 for a, b in ((x0, x1), (y0, y1)))
    half = tuple(2.0 / (b - a) for a, b in ((x0, x1), (y0, y1)))
    return Op(aperture_elliptical, (*centre, *half))


def misalignment_ops(element: Element, angle: float = 0.0, tilt: float = 0.0) -> tuple[tuple[Op, ...], tuple[Op, ...]]:
    """Ops that enter and leave a displaced element; about the middle of the chord of its reference arc,
    whose axes are those of the arc's middle (PALS, Bmad, pyAT).

    Parameters
    ----------
    element : element with offsets [m] and rotations [rad].
    angle, tilt : bending angle and tilt of its reference orbit [rad].
    """
    offset = np.array([element.x_offset, element.y_offset, element.z_offset])
    if not offset.any() and element.x_rot == element.y_rot == 0.0:
        if element.z_rot == 0.0:
            return (), ()
        if angle == 0.0:  # a roll of a straight element needs no flight to displaced planes
            return _as_pairs(roll_ops(element.z_rot))
    turn = rotation_matrix(element.x_rot, element.y_rot, element.z_rot)
    _, middle_axes = arc(0.5 * angle, 0.5 * element.length, tilt)
    end, end_axes = arc(angle, element.length, tilt)
    middle = 0.5 * end
    # a point r of the ideal body goes to moved(r), all in the frame of the ideal entrance
    body = middle_axes @ turn @ middle_axes.T
    shift = middle + middle_axes @ offset
    entrance = body @ (-middle) + shift
    exit_place = body @ (end - middle) + shift
    exit_axes = body @ end_axes
    # the ideal exit plane seen from the displaced one
    back = exit_axes.T @ (end - exit_place)
    return (frame_op(entrance, body),), (frame_op(back, exit_axes.T @ end_axes),)


def _as_pairs(pair: tuple[Op, Op]) -> tuple[tuple[Op, ...], tuple[Op, ...]]:
    return (pair[0],), (pair[1],)


def radiating_ops(element: Element, ref: Reference, radiation: Radiation) -> tuple[Op, ...]:
    """Pack the body of an element with radiation, in any mode but "off".

    Raises
    ------
    LatticeError
        If a body emits more photons than can be drawn.
    """
    field = element.local_field(ref)
    if field is None:
        return element.ops_with_radiation(ref, radiation.mode)
    mode, edges = radiation.mode, radiation.edges
    constants = RadiationConstants.of(ref)
    quiet = field.quiet and photons_of(field, constants, field.length) < QUIET
    pack = PACKERS["mean" if quiet else mode]
    angle = (1.0 / ref.gamma,) if radiation.angles else ()
    points = (field.mean_points or field.points) if mode == "mean" else field.points
    ops: list[Op] = []
    here = 0.0
    if edges:
        ops += edge_ops(field, field.edges[0], constants)
    most = MOST_RADIATION_OPS // len(field.shares)
    if pack is not PACKERS["mean"] and len(points) > most:
        raise LatticeError(
            f"{element.label()}: radiates in {len(points)} slices, more than the {most} for which there are random "
            "numbers; split it into shorter ones"
        )
    for number, (at, weight) in enumerate(points):
        if at > here:
            ops += element.slice_ops(ref, here, at)
            here = at
        try:
            ops += rolled(field, pack(field, constants, weight * field.length, number, angle))
        except LatticeError as error:
            raise LatticeError(f"{element.label()}: {error.message}") from None
    if here < 1.0:
        ops += element.slice_ops(ref, here, 1.0)
    if edges:
        ops += edge_ops(field, field.edges[1], constants)
    return tuple(ops)
