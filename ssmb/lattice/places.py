"""Places of a ring at which results stand: the beginning, and the exit of each element."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ssmb.errors import LatticeError, nearest


def entrance_of(names: Sequence[str], name: str, what: str) -> int:
    """Return the position, in arrays of n + 1 places, of the entrance of an element.

    Parameters
    ----------
    names : of the n elements; copies end in ``#`` and a number.
    name : an element; without number if it is placed once.
    what : the result that is asked, for the message.

    Raises
    ------
    LatticeError
        No element has the name, or several copies do.

    Examples
    --------
    >>> entrance_of(("q", "b#1", "b#2"), "b#2", "optics")
    2
    """
    if name in names:
        return names.index(name)
    copies = [i for i, n in enumerate(names) if n.partition("#")[0] == name]
    if len(copies) == 1:
        return copies[0]
    if copies:
        raise LatticeError(f"'{name}' is placed {len(copies)} times; name one copy, like '{names[copies[0]]}'")
    raise LatticeError(f"no element '{name}' in the {what}.{nearest(name, names)}")


def place_columns(names: Sequence[str], s: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns NAME and S [m] with which every table along a ring begins; row 0 is the beginning."""
    return {"NAME": np.array(("$START", *names)), "S": s}
