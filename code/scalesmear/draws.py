"""Normal random numbers that belong to an event, not to its place in a file.

Each number is a function of (run, event, seed) alone. So it does not depend on the order, the
grouping or the number of events, and a job may compute it anywhere.

The key is mixed with the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014,
doi:10.1145/2660193.2660195), once per word. The two normals of an event are a Box-Muller pair; further
words choose between two Gaussians where a smearing has tails.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalesmear.compiled import compiled, read_only
from scalesmear.elementary import cos_sin_of_turns, natural_log

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import IntArray

STRIDE = np.uint64(0x9E3779B97F4A7C15)
"""2^64 over the golden ratio, the step of SplitMix64."""

MIX1, MIX2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
SHIFT1, SHIFT2, SHIFT3 = np.uint64(30), np.uint64(27), np.uint64(31)
TO_53_BITS = np.uint64(11)


class Mixture(NamedTuple):
    """Two Gaussians around 0."""

    share: float  # of the second one
    width: float  # of the first
    other_width: float  # of the second


GAUSSIAN = Mixture(0.0, 1.0, 1.0)
"""One Gaussian of width 1."""


def standard_normal(
    run: IntArray, event: IntArray, seed: int, mixture: Mixture = GAUSSIAN
) -> NDArray[np.float64]:
    """Return two independent standard normal numbers for each event, shape (n, 2).

    Parameters
    ----------
    run, event : integer arrays, shape (n,)
        What identifies the event.
    seed : int
        Chooses the set of numbers; not negative, below 2^64.
    mixture : Mixture
        What the numbers are drawn from, if it is not one Gaussian.

    Raises
    ------
    ValueError
        If the seed is out of range or the arrays differ in shape.
    """
    if not 0 <= seed < 1 << 64:
        raise ValueError(f"the seed is {seed}, it must be in [0, 2^64)")
    if np.shape(run) != np.shape(event):
        raise ValueError(f"run has shape {np.shape(run)}, event {np.shape(event)}")
    normals = np.empty((len(run), 2))
    fill_normals(
        read_only(np.ascontiguousarray(run, np.uint64)),
        read_only(np.ascontiguousarray(event, np.uint64)),
        np.uint64(seed),
        mixture,
        normals.reshape(-1),
    )
    return normals


def group_of(run: IntArray, event: IntArray, n_groups: int) -> NDArray[np.int32]:
    """Return which of some groups of equal size each event belongs to, shape (n,).

    A function of run and event alone, and independent of the draws.
    """
    group = np.empty(len(run), np.int32)
    _fill_groups(
        read_only(np.ascontiguousarray(run, np.uint64)),
        read_only(np.ascontiguousarray(event, np.uint64)),
        np.uint64(n_groups),
        group,
    )
    return group


@compiled
def _mix(word: np.uint64) -> np.uint64:
    """Return a word each bit of which depends on all bits of the argument, one to one."""
    word = (word ^ (word >> SHIFT1)) * MIX1
    word = (word ^ (word >> SHIFT2)) * MIX2
    return word ^ (word >> SHIFT3)


@compiled
def _uniform(word: np.uint64) -> float:
    """Return the upper 53 bits of a word as a number in (0, 1)."""
    return (np.int64(word >> TO_53_BITS) + 0.5) * 2.0**-53


@compiled
def fill_normals(
    run: IntArray,
    event: IntArray,
    seed: np.uint64,
    mixture: Mixture,
    normals: NDArray[np.float64],
) -> None:
    """Fill the two normals of each event, side by side: mix its key, turn the two words into them."""
    start = _mix(seed + STRIDE)
    for i in range(len(run)):
        key = _key(start, np.uint64(run[i]), np.uint64(event[i]))
        radius = math.sqrt(-2 * natural_log(_uniform(_mix(key + STRIDE))))
        cosine, sine = cos_sin_of_turns(_uniform(_mix(key + STRIDE + STRIDE)))
        normals[2 * i] = radius * cosine
        normals[2 * i + 1] = radius * sine

    if mixture.share > 0:
        _widen(run, event, start, mixture, normals)


@compiled
def _key(start: np.uint64, run: np.uint64, event: np.uint64) -> np.uint64:
    """Return the word that all numbers of an event are made of."""
    return _mix(_mix(start ^ run) + STRIDE ^ event)


@compiled
def _widen(
    run: IntArray,
    event: IntArray,
    start: np.uint64,
    mixture: Mixture,
    normals: NDArray[np.float64],
) -> None:
    """Multiply each normal by the width of one Gaussian or the other, chosen by a word of its own."""
    for k in range(len(normals)):
        key = _key(start, np.uint64(run[k // 2]), np.uint64(event[k // 2]))
        u = _uniform(_mix(key + np.uint64(3 + k % 2) * STRIDE))
        normals[k] *= mixture.other_width if u < mixture.share else mixture.width


@compiled
def _fill_groups(
    run: NDArray[np.uint64],
    event: NDArray[np.uint64],
    n_groups: np.uint64,
    group: NDArray[np.int32],
) -> None:
    """Mix each key, differently from `_fill_normals`, and take the rest of a division."""
    start = _mix(~STRIDE)
    for i in range(len(run)):
        word = _mix(_mix(start ^ run[i]) + STRIDE ^ event[i])
        group[i] = np.int32((word >> SHIFT1) % n_groups)
