"""A scan: what was found against one axis as lines, against two as colours, of samples as points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from ssmb.errors import ConfigError
from ssmb.plot.canvas import COLOURS, LABEL_SIZE, MARKS, TICK_SIZE, WIDTH, Figure

if TYPE_CHECKING:
    from ssmb.studies.scan import ScanResult

#: Panels of a figure, and values of a second axis that become lines.
_MOST_PANELS, _MOST_LINES = 6, 7


def plot_scan(result: ScanResult) -> Figure:
    """Draw the outputs of a scan that are numbers and change, six at most, against its first one or two axes."""
    names = drawn_outputs(result)
    if not names:
        raise ConfigError("nothing of this scan is a number that changes from point to point")
    axes = [key for key, values in _numbers(result, result.config.scan.axes).items() if len(set(values)) > 1]
    if not axes:
        raise ConfigError("no axis of this scan has two numbers: there is nothing to draw against")
    sampled = result.config.scan.samples is not None
    across = 1 if len(names) == 1 else 2
    down = math.ceil(len(names) / across)
    figure = Figure(figsize=(WIDTH * (1.0 if across == 1 else 1.7), 2.6 * down + 0.4), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).ravel()
    for panel, name in zip(panels, names, strict=False):
        if len(axes) > 1 and not sampled and _is_grid(result, axes):
            _colours(figure, panel, result, axes, name)
        else:
            _curve(panel, result, axes, name, sampled)
        panel.tick_params(labelsize=TICK_SIZE)
    for panel in panels[len(names) :]:
        panel.set_visible(False)
    failed = f", {len(result.failed)} failed" if result.failed else ""
    title = result.config.title or f"scan of {result.config.scan.of}"
    figure.suptitle(f"{title}: {len(result.lines)} of {result.total} points{failed}", fontsize=LABEL_SIZE)
    return figure


def drawn_outputs(result: ScanResult) -> list[str]:
    """Outputs that are numbers and change."""
    found = _numbers(result, result.outputs)
    return [name for name, v in found.items() if len(set(v[np.isfinite(v)])) > 1][:_MOST_PANELS]


def _numbers(result: ScanResult, names: Any) -> dict[str, np.ndarray]:
    found = {}
    for name in names:
        try:
            found[name] = result.column(name)
        except ConfigError:  # texts
            continue
    return found


def _is_grid(result: ScanResult, axes: list[str]) -> bool:
    """Whether two axes make a grid with enough points in both for colours."""
    sizes = [len(set(result.column(key))) for key in axes]
    return len(axes) == 2 and min(sizes) > 3 and math.prod(sizes) == len(result.lines)


def _curve(panel: Any, result: ScanResult, axes: list[str], name: str, sampled: bool) -> None:
    first, second = axes[0], axes[1] if len(axes) == 2 and not sampled else None
    x, y = result.column(first), result.column(name)
    groups: list[Any] = sorted(set(result.column(second)))[:_MOST_LINES] if second else [None]
    for i, value in enumerate(groups):
        chosen = np.ones(x.size, bool) if value is None else result.column(str(second)) == value
        order = np.argsort(x[chosen], kind="stable")
        panel.plot(
            x[chosen][order], y[chosen][order], marker=MARKS[i % len(MARKS)], markersize=4,
            linestyle="" if sampled else "-", color=COLOURS[i % len(COLOURS)],
            label=None if value is None else f"{second} = {value:g}",
        )  # fmt: skip
    if second:
        panel.legend(fontsize=TICK_SIZE - 1, frameon=False)
    if result.config.scan.axes[first].logarithmic:
        panel.set_xscale("log")
        finite = y[np.isfinite(y)]
        if finite.min() > 0.0 and finite.max() > 30.0 * finite.min():
            panel.set_yscale("log")
    panel.set_xlabel(first, fontsize=LABEL_SIZE)
    panel.set_ylabel(name, fontsize=LABEL_SIZE)


def _colours(figure: Figure, panel: Any, result: ScanResult, axes: list[str], name: str) -> None:
    x, y, z = (result.column(key) for key in (axes[0], axes[1], name))
    xs, ys = np.unique(x), np.unique(y)
    grid = np.full((ys.size, xs.size), math.nan)
    grid[np.searchsorted(ys, y), np.searchsorted(xs, x)] = z
    drawn = panel.pcolormesh(xs, ys, grid, shading="nearest", cmap="viridis", rasterized=True)
    figure.colorbar(drawn, ax=panel).set_label(name, fontsize=LABEL_SIZE)
    for key, setting in ((axes[0], panel.set_xscale), (axes[1], panel.set_yscale)):
        if result.config.scan.axes[key].logarithmic:
            setting("log")
    panel.set_xlabel(axes[0], fontsize=LABEL_SIZE)
    panel.set_ylabel(axes[1], fontsize=LABEL_SIZE)
