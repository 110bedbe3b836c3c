"""Normal random numbers that belong to an event, not to its place in a file.

Each number is a function of (run, event, seed) alone. So it does not depend on the order, the
grouping or the number of events, and a job may compute it anywhere.

The key is mixed with the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014,
doi:10.1145/2660193.2660195), once per word. The two normals of an event are a Box-Muller pair.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

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


def standard_normal(run: IntArray, event: IntArray, seed: int) -> NDArray[np.float64]:
    """Return two independent standard normal numbers for each event, shape (n, 2).

    Parameters
    ----------
    run, event : integer arrays, shape (n,)
        What identifies the event.
    seed : int
        Chooses the set of numbers; not negative, below 2^64.

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
    normals: NDArray[np.float64],
) -> None:
    """Fill the two normals of each event, side by side: mix its key, turn the two words into them."""
    start = _mix(seed + STRIDE)
    for i in range(len(run)):
        key = _mix(_mix(start ^ np.uint64(run[i])) + STRIDE ^ np.uint64(event[i]))
        radius = math.sqrt(-2 * natural_log(_uniform(_mix(key + STRIDE))))
        cosine, sine = cos_sin_of_turns(_uniform(_mix(key + STRIDE + STRIDE)))
        normals[2 * i] = radius * cosine
        normals[2 * i + 1] = radius * sine


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
