"""Histograms as ROOT keeps them (TH1, TH2, TProfile) and what scaling does to each part.

Bins are flat arrays in ROOT's order, under- and overflow included: cell ``x + (nx + 2) * y``.
Numbers keep ROOT's names (``fTsumw``), so that the reader and the writer need no table of their own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

Doubles = NDArray[np.float64]

WRITTEN_AS = {
    f"TH{n}{kind}": f"TH{n}{written}"
    for n in (1, 2)
    for kind, written in {"C": "D", "S": "D", "I": "D", "F": "F", "D": "D"}.items()
} | {"TProfile": "TProfile"}
"""Class of the scaled histogram: integers cannot hold it, so they become doubles."""

SQUARES = frozenset({"fTsumw2"})
"""Moments that are sums of squared weights; all others are linear in the weights."""

UNSET = -1111.0
"""ROOT's word for no limit of the vertical axis."""


@dataclass(frozen=True, eq=False)
class RootAxis:
    """An axis of a histogram.

    Attributes
    ----------
    name, title : str
    n_bins : int
    low, high : float
        Edges of the whole axis.
    edges : array, shape (n_bins + 1,), or None
        None if all bins are equally wide.
    labels : dict
        Text by number of the bin, the first one 1.
    look : dict
        Members of ROOT that say how it is drawn.
    """

    name: str
    title: str
    n_bins: int
    low: float
    high: float
    edges: Doubles | None = None
    labels: Mapping[int, str] = field(default_factory=dict)
    look: Mapping[str, Any] = field(default_factory=dict)

    def all_edges(self) -> Doubles:
        """Return the edges of all bins, shape (n_bins + 1,)."""
        if self.edges is not None:
            return self.edges
        return np.linspace(self.low, self.high, self.n_bins + 1)


@dataclass(frozen=True, eq=False)
class Profile:
    """What a TProfile has beside the sums of a histogram.

    Attributes
    ----------
    sumw : array, shape (n_cells,)
        Sum of weights w (``fBinEntries``).
    sumw2 : array, shape (n_cells,), or None
        Sum of w^2 (``fBinSumw2``); None if all weights are 1.
    look : dict
        Its other members of ROOT: limits of y, how errors are made.
    """

    sumw: Doubles
    sumw2: Doubles | None
    look: Mapping[str, Any] = field(default_factory=dict)

    def sum_of_squares(self) -> Doubles:
        """Return the sum of w^2 of each bin."""
        return self.sumw if self.sumw2 is None else self.sumw2


@dataclass(frozen=True, eq=False)
class RootHistogram:
    """A TH1, TH2 or TProfile.

    Attributes
    ----------
    path : str
        Name in its file, with its folder.
    class_name : str
        A key of `WRITTEN_AS`.
    title : str
    axes : tuple of RootAxis
        Always x, y and z: y of a TH1 holds the title of its vertical axis.
    contents : array, shape (n_cells,)
        Sum of weights of each bin; of a profile, the sum of w y.
    sumw2 : array, shape (n_cells,), or None
        Sum of squared weights, None if not stored; of a profile, the sum of w y^2.
    entries : float
        Number of times that it was filled.
    moments : dict
        Sums over the fills inside the axes, by ROOT's names, such as ``fTsumwx``.
    profile : Profile or None
    look : dict
        Members of ROOT that say how it is drawn.
    n_functions : int
        Number of functions attached to it, which are not kept.
    """

    path: str
    class_name: str
    title: str
    axes: tuple[RootAxis, RootAxis, RootAxis]
    contents: Doubles
    sumw2: Doubles | None
    entries: float
    moments: Mapping[str, float]
    profile: Profile | None = None
    look: Mapping[str, Any] = field(default_factory=dict)
    n_functions: int = 0

    @property
    def n_dimensions(self) -> int:
        """1 or 2."""
        return 2 if self.class_name.startswith("TH2") else 1

    def variances(self) -> Doubles:
        """Return the variance of each bin; without stored squares that of n fills of weight 1, n.

        ROOT takes the absolute value of a negative content, and so does this.
        """
        return np.abs(self.contents) if self.sumw2 is None else self.sumw2

    def integral(self) -> float:
        """Return the sum of weights in all bins, under- and overflow included."""
        return float((self.contents if self.profile is None else self.profile.sumw).sum())

    def means(self) -> tuple[Doubles, Doubles]:
        """Return mean of y and its error in each bin of a profile; NaN in empty bins.

        mean = S(wy) / S(w), error = spread / sqrt(S(w)^2 / S(w^2)).

        Raises
        ------
        ValueError
            If it is not a profile.
        """
        if self.profile is None or self.sumw2 is None:
            raise ValueError(f"{self.path} is a {self.class_name}")
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = self.contents / self.profile.sumw
            spread2 = np.abs(self.sumw2 / self.profile.sumw - mean**2)
            effective = self.profile.sumw**2 / self.profile.sum_of_squares()
            return mean, np.sqrt(spread2 / effective)

    def as_grid(self, cells: Doubles, *, flow: bool = False) -> Doubles:
        """Return cells in shape (nx,) or (nx, ny), or 2 larger each with under- and overflow."""
        shape = [axis.n_bins + 2 for axis in self.axes[: self.n_dimensions]]
        grid = cells.reshape(shape[::-1]).T
        return grid if flow else grid[(slice(1, -1),) * self.n_dimensions]

    def notes(self) -> list[str]:
        """Return what whoever reads the scaled histogram should know."""
        notes = []
        if self.profile is not None:
            notes.append("means of a profile stay; the weights of its entries are scaled")
        elif self.sumw2 is None:
            notes.append("no sums of squared weights stored, so errors are sqrt(contents) x factor")
            if np.any(self.contents != np.rint(self.contents)):
                notes.append("contents are not whole numbers, so their true errors are unknown")
        if WRITTEN_AS[self.class_name] != self.class_name:
            notes.append(f"{self.class_name} becomes {WRITTEN_AS[self.class_name]}")
        if self.n_functions:
            notes.append(f"{self.n_functions} attached functions or boxes are not kept")
        return notes


def th1d(
    path: str, titles: tuple[str, str, str], edges: Doubles, contents: Doubles, variances: Doubles
) -> RootHistogram:
    """Return a TH1D of weighted events.

    Parameters
    ----------
    path : str
        Its name, with a folder if it is in one.
    titles : (str, str, str)
        Of the histogram, its horizontal and its vertical axis.
    edges : array, shape (n + 1,)
    contents, variances : arrays, shape (n + 2,)
        Sums of weights and of squared weights, under- and overflow included.

    The number of entries is the effective one, and ROOT's mean and spread are those of the centres
    of the bins.
    """
    title, x_title, y_title = titles
    inside, squares = contents[1:-1], variances[1:-1]
    centres = (edges[1:] + edges[:-1]) / 2
    total = float(variances.sum())
    return RootHistogram(
        path=path,
        class_name="TH1D",
        title=title,
        axes=(
            RootAxis("xaxis", x_title, len(inside), float(edges[0]), float(edges[-1]), edges),
            RootAxis("yaxis", y_title, 1, 0.0, 1.0),
            RootAxis("zaxis", "", 1, 0.0, 1.0),
        ),
        contents=contents,
        sumw2=variances,
        entries=float(contents.sum()) ** 2 / total if total > 0 else 0.0,
        moments={
            "fTsumw": float(inside.sum()),
            "fTsumw2": float(squares.sum()),
            "fTsumwx": float(inside @ centres),
            "fTsumwx2": float(inside @ centres**2),
        },
    )


def scaled(histogram: RootHistogram, factor: float) -> RootHistogram:
    """Return a histogram as if every fill had `factor` times its weight.

    Sums of weights are multiplied by the factor, sums of squared weights by its square, and the
    number of entries stays. If no squares are stored, the variances before scaling are the contents.
    The mean and its error stay in every bin of a profile. Limits of the vertical axis are taken off
    and contour levels, if any, scaled, as ROOT's ``TH1::Scale`` does.
    """
    profile = histogram.profile
    sumw2 = histogram.sumw2
    if profile is not None:
        sumw2 = None if sumw2 is None else sumw2 * factor  # of w y^2, linear in the weights
        profile = replace(
            profile, sumw=profile.sumw * factor, sumw2=profile.sum_of_squares() * factor**2
        )
    else:
        sumw2 = histogram.variances() * factor**2
    look = dict(histogram.look) | {"fMaximum": UNSET, "fMinimum": UNSET}
    if "fContour" in look:
        look["fContour"] = look["fContour"] * factor
    return replace(
        histogram,
        class_name=WRITTEN_AS[histogram.class_name],
        contents=histogram.contents * factor,
        sumw2=sumw2,
        moments={
            name: value * (factor**2 if name in SQUARES else factor)
            for name, value in histogram.moments.items()
        },
        profile=profile,
        look=look,
        n_functions=0,
    )
