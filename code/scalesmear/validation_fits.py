"""How well validation plots agree, and the line shapes fitted to those of the mass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import chi2 as chi2_distribution

from scalesmear.lineshape import LineShape, fit_line_shape
from scalesmear.validation import AFTER, BEFORE, PlotResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from scalesmear.validation import PlotSettings

MIN_EXPECTED = 5.0
"""Bins with fewer expected events take no part in chi2."""

PEAKS_HEADER = (
    "plot",
    "kind",
    "state",
    "peak",
    "peak_error",
    "resolution",
    "resolution_error",
    "chi2",
    "ndf",
    "valid",
)


@dataclass(frozen=True)
class Agreement:
    """chi2 of data against simulation, its degrees of freedom and p-value (None without any)."""

    chi2: float
    ndf: int
    p_value: float | None


@dataclass(frozen=True)
class PlotFits:
    """A plot with the line shapes of data and simulation, keyed "data before", "sim after" ..."""

    result: PlotResult
    shapes: dict[str, LineShape]

    def agreement(self, state: str = AFTER) -> Agreement:
        """Return chi2 = sum (D - S)^2 / (S + Var S) over bins with enough events.

        Var S is the statistical variance of the simulation alone: errors of scales and smearings
        move neighbouring bins together. The normalisation to data takes one degree of freedom.
        """
        data, sim = (
            np.array(part[state], np.float64) for part in (self.result.data, self.result.sim)
        )
        variance = np.array(self.result.sim_variance[state])
        use = sim >= MIN_EXPECTED
        chi2 = float(np.sum((data - sim)[use] ** 2 / (sim + variance)[use]))
        ndf = max(0, int(use.sum()) - 1)
        return Agreement(chi2, ndf, float(chi2_distribution.sf(chi2, ndf)) if ndf else None)


@dataclass(frozen=True)
class ValidationPlots:
    """All validation plots."""

    plots: tuple[PlotFits, ...]

    @property
    def n_fits(self) -> int:
        """Number of fitted line shapes."""
        return sum(len(plot.shapes) for plot in self.plots)

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object."""
        return {"plots": [_plot_json(plot) for plot in self.plots]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ValidationPlots:
        """Read what `to_json` returns.

        Raises
        ------
        KeyError, TypeError, ValueError
            If something is missing or of another type.
        """
        return cls(tuple(_plot_of(part) for part in content["plots"]))

    def peaks_table(self) -> str:
        """Return peaks and resolutions [GeV] as text: a header, a row for each fit, tabs between."""
        rows = [PEAKS_HEADER, *self._peaks()]
        return "".join("\t".join(row) + "\n" for row in rows)

    def _peaks(self) -> Iterator[tuple[str, ...]]:
        for plot in self.plots:
            for name, shape in plot.shapes.items():
                kind, state = name.split()
                numbers = (
                    shape.peak,
                    shape.peak_error,
                    shape.resolution,
                    shape.resolution_error,
                )
                yield (
                    plot.result.name,
                    kind,
                    state,
                    *(f"{number:.4f}" for number in numbers),
                    f"{shape.chi2:.1f}",
                    str(shape.ndf),
                    "yes" if shape.valid else "no",
                )


def _plot_json(plot: PlotFits) -> dict[str, Any]:
    r, agreement = plot.result, plot.agreement()
    return {
        "name": r.name,
        "variable": r.variable,
        "edges": r.edges,
        "data": r.data,
        "sim": r.sim,
        "sim_variance": r.sim_variance,
        "systematic": r.systematic,
        "chi2": agreement.chi2,
        "ndf": agreement.ndf,
        "p_value": agreement.p_value,
        "line_shapes": {name: shape.to_json() for name, shape in plot.shapes.items()},
    }


def _plot_of(content: Mapping[str, Any]) -> PlotFits:
    states = {
        key: {state: tuple(values) for state, values in content[key].items()}
        for key in ("data", "sim", "sim_variance")
    }
    result = PlotResult(
        name=content["name"],
        variable=content["variable"],
        edges=tuple(content["edges"]),
        systematic=tuple(content["systematic"]),
        **states,
    )
    shapes = content["line_shapes"].items()
    return PlotFits(result, {name: LineShape.from_json(shape) for name, shape in shapes})


def fit_plots(results: Sequence[PlotResult], settings: PlotSettings) -> ValidationPlots:
    """Fit the line shapes of data and simulation, before and after, in each plot of the mass."""
    return ValidationPlots(
        tuple(
            PlotFits(r, _shapes(r) if settings.line_shapes and r.variable == "mass" else {})
            for r in results
        )
    )


def _shapes(result: PlotResult) -> dict[str, LineShape]:
    found = {}
    edges = np.array(result.edges)
    for state in (BEFORE, AFTER):
        data, sim, variance = (
            np.array(part[state], np.float64)
            for part in (result.data, result.sim, result.sim_variance)
        )
        for kind, shape in (
            ("data", fit_line_shape(edges, data)),
            ("sim", fit_line_shape(edges, *_events(sim, variance))),
        ):
            if shape is not None:
                found[f"{kind} {state}"] = shape
    return found


def _events(
    contents: NDArray[np.float64], variances: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return weighted contents and variances in units of effective events."""
    per_event = variances.sum() / contents.sum() if contents.sum() > 0 else 1.0
    return contents / per_event, variances / per_event**2
