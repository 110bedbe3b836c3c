"""Pseudo-experiments of mass histograms: Poisson numbers around exact expected contents.

The expectation of a pair is a Breit-Wigner with radiated energy, convolved with the response of its
two electrons, ln(1 + sigma g) / 2 each, by Fourier transform on a grid eight times finer than the
fine bins. It shares no code with the fit, neither its kernel nor its cumulants.

All pairs have the same true mass: Et thresholds, windows of Et and the angles of the electrons change
nothing here, and no electron leaves its category. `scalesmear.injection` follows generated events
where that matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from scalesmear.histogram import MassGrid, PairHistograms, n_pairs, pair_categories
from scalesmear.kinematics import Z_MASS

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from scalesmear.events import IntArray

    Floats = NDArray[np.float64]

Z_WIDTH = 2.4952
RADIATED = (0.25, 0.04)
"""Share of events that radiate, and the mean of ln(m) that they lose."""

SUB_BINS = 8
"""Points of the transforms in one fine bin."""

RANGE = 0.8
"""Largest abs(ln(m / m_Z)) of the transforms."""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Scales and smearings of data, and who is in which pair of the n scale categories.

    Attributes
    ----------
    scale : float array, shape (n,)
    smearing : float array, shape (m,)
        Of each smearing category.
    smearing_of : int array, shape (n,)
        Smearing category of each scale category.
    resolution : float array, shape (n,)
        Relative resolution of simulated electrons, which data share.
    share : float array, shape (n_pairs(n),)
        Share of the events in each pair, in the order of `histogram.pair_number`.
    skew : float
        Adds to the response of data a tail towards low energies that no smearing describes: this
        share of electrons loses an energy that is exponential with a mean of 4 %.
    """

    scale: Floats
    smearing: Floats
    smearing_of: IntArray
    resolution: Floats
    share: Floats
    skew: float = 0.0

    @property
    def parameters(self) -> Floats:
        """(ln scale, smearing^2), as the covariance of a fit has them."""
        return np.concatenate([np.log(self.scale), self.smearing**2])


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """Expected contents of all pairs for one event of data and one of simulation.

    Raises
    ------
    ValueError
        If the truth has not a share for each pair.
    """

    truth: Truth
    grid: MassGrid

    def __post_init__(self) -> None:
        wanted = (n_pairs(len(self.truth.scale)),)
        if self.truth.share.shape != wanted:
            raise ValueError(f"shares have shape {self.truth.share.shape}, not {wanted}")

    @cached_property
    def shapes(self) -> tuple[Floats, Floats]:
        """Expected data and simulation, shape (p, n_fine) each."""
        t, grid = self.truth, self.grid
        axis = _Axis(grid)
        pairs = np.arange(n_pairs(len(t.scale)), dtype=np.int32)
        legs = pair_categories(pairs)
        base = axis.transform(axis.true_shape())
        responses = [axis.transform(axis.response(s)) for s in t.resolution]
        smeared = [axis.transform(axis.response(t.smearing[j])) for j in t.smearing_of]
        loss = axis.transform(axis.loss(t.skew))
        data, sim = np.empty((2, len(pairs), grid.n_fine))
        for row, (i, j) in enumerate(legs):
            expected = base * responses[i] * responses[j]
            sim[row] = t.share[row] * axis.contents(expected, shared=True)
            shift = np.log(t.scale[i] * t.scale[j]) / 2
            moved = axis.shift(expected * smeared[i] * smeared[j] * loss**2, -shift)
            data[row] = t.share[row] * axis.contents(moved, shared=False)
        return data, sim

    def draw(
        self, rng: Generator, n_data: float, n_sim: float, negative: float = 0.0
    ) -> PairHistograms:
        """Return numbers of events; a share `negative` of the simulation has weight -1.

        `n_sim` is the effective number of simulated events.
        """
        data, sim = self.shapes
        n_drawn = n_sim / (1 - 2 * negative) ** 2
        plus = rng.poisson(n_drawn * (1 - negative) * sim).astype(np.float64)
        minus = rng.poisson(n_drawn * negative * sim).astype(np.float64)
        counts = rng.poisson(n_data * data).astype(np.float64)
        pairs = np.arange(len(data), dtype=np.int32)
        return PairHistograms(
            self.grid, len(self.truth.scale), pairs, counts, plus - minus, plus + minus, negative
        )


class _Axis:
    """A periodic axis in ln(m / m_Z), aligned with the fine bins."""

    def __init__(self, grid: MassGrid) -> None:
        self.grid = grid
        self.step = grid.width / SUB_BINS
        self.n = 1 << int(np.ceil(np.log2(2 * RANGE / self.step)))
        self.first = round((grid.start + self.n // 2 * self.step) / self.step)
        self.offset = grid.start - self.first * self.step  # x of the first point
        self.x = self.offset + (np.arange(self.n) + 0.5) * self.step
        self.y = self.step * np.fft.fftfreq(self.n, 1 / self.n)  # a change of x, from 0

    def transform(self, density: Floats) -> NDArray[np.complex128]:
        return np.asarray(np.fft.rfft(density), np.complex128)

    def true_shape(self) -> Floats:
        """Return the probability in each step of the mass with radiation."""
        mass = Z_MASS * np.exp(self.x)
        natural = mass / ((mass - Z_MASS) ** 2 + Z_WIDTH**2 / 4)
        natural[(mass < 50) | (mass > 140)] = 0
        natural /= natural.sum()
        share, mean = RADIATED
        lost = np.where(self.y <= 0, np.exp(self.y / mean), 0.0)
        lost /= lost.sum()
        both = np.fft.irfft(np.fft.rfft(natural) * np.fft.rfft(lost), self.n)
        return np.asarray((1 - share) * natural + share * both, np.float64)

    def response(self, sigma: float) -> Floats:
        """Return the density of ln(1 + sigma g) / 2 in each step of y."""
        if sigma == 0:
            return np.asarray(self.y == 0, np.float64)
        sub = (np.arange(16) - 7.5) / 16 * self.step  # narrow responses want finer points
        y = self.y[:, None] + sub
        factor = np.exp(2 * y)
        density = (factor * np.exp(-0.5 * ((factor - 1) / sigma) ** 2)).sum(axis=1)
        return np.asarray(density / density.sum(), np.float64)

    def loss(self, share: float) -> Floats:
        """Return the density of the tail of one electron."""
        out = np.where(self.y <= 0, np.exp(self.y / 0.02), 0.0)
        out *= share / out.sum()
        out[0] += 1 - share
        return out

    def shift(self, transform: NDArray[np.complex128], by: float) -> NDArray[np.complex128]:
        phase = -2j * np.pi * np.arange(len(transform)) * by / (self.n * self.step)
        return np.asarray(transform * np.exp(phase), np.complex128)

    def contents(self, transform: NDArray[np.complex128], *, shared: bool) -> Floats:
        """Return what fine bins contain; `shared` linearly by the two nearest, or counted."""
        points = np.fft.irfft(transform, self.n)
        if shared:
            s = SUB_BINS
            places = np.arange(-s + 0.5, s) / s
            weight = np.convolve(points, 1 - np.abs(places), mode="full")
            centre = self.first + s // 2 + s * np.arange(self.grid.n_fine)
            return np.asarray(np.maximum(weight[centre + s - 1], 0), np.float64)
        used = points[self.first : self.first + self.grid.n_fine * SUB_BINS]
        return np.asarray(np.maximum(used.reshape(-1, SUB_BINS).sum(axis=1), 0), np.float64)
