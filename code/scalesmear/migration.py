r"""Simulated electrons that cross an edge of Et when they are smeared and scaled.

Data are categorised by the Et that was measured. Simulation is categorised by its own Et, and the
fit smears the mass of each pair of categories: that is K. But in data, an electron near an edge of
Et or near a threshold crossed it **because** it fluctuated, and so did the mass. A pair expects

    T = K + dT,

where dT is what comes in less what goes out. A simulated electron is found at E' = E (1 + sigma g);
with the scale s of the category of E', data have it at E' / s, by which they are categorised and
cut, and the mass moves with the root of (1 + sigma g) / s.

The mean over the g of both electrons is taken on the nodes of a quadrature, so that nothing is
drawn: what counts near an edge is the density of the simulation there, which changes little over a
few sigma. Events that no node takes over an edge cancel in dT. Because electrons have different
smearings on both sides of an edge, the quadrature is exact on each side, see `nodes`.

dT is computed for the scales and smearings of a fit, with its derivatives: by q = sigma^2 of the
electrons that cross, from the same nodes, because for any function h

    d/dq E[h(sigma g)] = E[h(sigma g) (g^2 - 1)] / 2q,

and by the scales from the electrons that a small change of s takes over an edge. A fit with such
`flows` moves to where it would end if dT followed it, up to what is not linear in the change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scalesmear.compiled import compiled
from scalesmear.effective import Tails
from scalesmear.flows import NO_SOURCE, FlowSums, collect
from scalesmear.histogram import FINE_PER_BIN, UNITS, n_pairs, pair_categories
from scalesmear.kinematics import Z_MASS
from scalesmear.sharing import in_threads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from scalesmear.categories import CategorySet
    from scalesmear.events import Events, IntArray
    from scalesmear.fill import Corrections, FillSettings

    Floats = NDArray[np.float64]

LEAST_SMEARING = 0.004
"""Flows are computed for a smearing of at least this, so that a fit knows what more would cause."""

SCALE_STEP = 2e-3
"""Change of ln(scale) for the derivatives by scales."""

LEAST_FACTOR = 0.1
"""No node of a wide tail takes more energy than this leaves."""

LEVEL_BITS = 2
"""Bits for the number of thresholds that an Et passes, 0 to 2, in the place of an electron."""

LEVEL = (1 << LEVEL_BITS) - 1


@dataclass(frozen=True)
class Expected:
    """Scales, smearings and the shape of the smearing for which flows are computed.

    Attributes
    ----------
    scale : float array, shape (n,)
    smearing : float array, shape (m,)
    tails : Tails
    """

    scale: Floats
    smearing: Floats
    tails: Tails = field(default_factory=Tails)


class Electrons(NamedTuple):
    """How an electron is categorised, whatever happens to its Et; cells as in `cells.CellGrid`."""

    edges: NDArray[np.float32]  # of Et, rising
    stride: int  # of Et in the flat array of cells
    category: NDArray[np.int16]  # by cell, -1 for none
    nearest: NDArray[np.int16]  # by cell: in Et, where there is none
    thresholds: tuple[np.float32, np.float32]  # lower and upper, on Et


class Changes(NamedTuple):
    """What happens to the electrons of n categories on each of k nodes."""

    factor: Floats  # (n, k): 1 + sigma g
    log_factor: Floats  # (n, k)
    weight: Floats  # (k,), their sum is 1
    slope: Floats  # (k,): derivative of ln(weight) by ln(sigma^2)
    scale: Floats  # (n,)
    log_scale: Floats  # (n,)
    smearing2: NDArray[np.int32]  # (n,): place of smearing^2 among all parameters


class Places(NamedTuple):
    """Where the two electrons of an event are, and what it did to ln(m); see `_follow`."""

    category: NDArray[np.int32]  # (2,): own, the nearest if it has none
    own: NDArray[np.int32]  # (2,): see `_place`
    of_smeared: NDArray[np.int32]  # (2, k): category of E'
    smeared: NDArray[np.int32]  # (2, k): place of E' / s
    shifted: NDArray[np.int32]  # (2, k): the same with a scale larger by SCALE_STEP
    stays: Floats  # (2, k): change of ln(Et) with the scale of its own category
    moves: Floats  # (2, k): and with that of the category of E'
    crosses: NDArray[np.bool_]  # (2, k): whether place or category of E' are not its own


class Bins(NamedTuple):
    """Bins of x = ln(m / m_Z) in the window."""

    low: float
    width: float


def migrate(
    batches: Iterable[Events],
    categories: CategorySet,
    settings: FillSettings,
    corrections: Corrections,
    expected: Expected,
    exponent: int = 0,
    threads: int = 1,
) -> FlowSums:
    """Return the flows in some simulated events.

    Parameters
    ----------
    batches : iterable of Events
        Simulation, with the columns `fill.Corrections.columns`.
    categories : CategorySet
    settings : FillSettings
    corrections : Corrections
        Of these, the weights are applied.
    expected : Expected
    exponent, threads : int
        See `fill.fill_masses`, as for all arguments but `expected`.
    """
    grid = settings.grid
    smearing = np.maximum(expected.smearing, LEAST_SMEARING)
    sources, n = sources_of(categories), len(categories.scales)
    bins = Bins(math.log(grid.window[0] / Z_MASS), grid.width * FINE_PER_BIN)
    shape = (n_pairs(n), grid.n_bins, 1 + 2 * sources.shape[1])
    changes = _changes(expected, smearing[categories.smearing_of], categories.smearing_of)
    slots = _slots(sources, n + len(categories.smearings))
    arguments = _electrons(categories, settings.et_min), changes, slots, bins

    def add_up(batches: Iterable[Events]) -> tuple[NDArray[np.int64], int]:
        sums, n_events = np.zeros(shape, np.int64), 0
        for events in batches:
            cell = categories.grid.cell_of(events.abs_eta, events.r9, events.et, events.gain)
            x = np.log(events.mass.astype(np.float64) / Z_MASS)
            size = np.ldexp(corrections.weights_of(events).astype(np.float64), -exponent)
            _add_flows(x, events.et.reshape(-1), cell.reshape(-1), size, *arguments, sums)
            n_events += len(events)
        return sums, n_events

    (sums, n_events), *others = in_threads(add_up, batches, threads)
    for more_sums, more_events in others:
        sums += more_sums
        n_events += more_events
    flows = _collect(sums, sources)
    at = np.concatenate([np.log(expected.scale), smearing**2]).tolist()
    steps = [SCALE_STEP] * n + at[n:]
    return FlowSums(grid, n, exponent, tuple(at), tuple(steps), *flows, n_events)


def nodes() -> tuple[Floats, Floats]:
    """Return five nodes and weights for a Gaussian, exact for polynomials of degree 4 on each side of 0.

    These are the nodes 0, a and b of Radau's quadrature for abs(g), and their mirror images. With
    the moments m_k of abs(g), a and b are the roots of x^2 + p x + r, orthogonal to 1 and x with
    the weight x: m_3 + p m_2 + r m_1 = 0 and m_4 + p m_3 + r m_2 = 0.
    """
    root = math.sqrt(2 / math.pi)
    m1, m2, m3, m4 = root, 1.0, 2 * root, 3.0
    p, r = np.linalg.solve([[m2, m1], [m3, m2]], [-m3, -m4])
    middle, half = -p / 2, math.sqrt(p * p / 4 - r)
    a, b = middle - half, middle + half
    weight_a, weight_b = np.linalg.solve([[a, b], [a * a, b * b]], [m1 / 2, m2 / 2])
    both = np.array([weight_b, weight_a, 1 - 2 * weight_a - 2 * weight_b, weight_a, weight_b])
    return np.array([-b, -a, 0.0, a, b]), both


def nearest_in_et(categories: CategorySet) -> NDArray[np.int16]:
    """Return the category of each cell or, if there is none, the nearest one in Et.

    The shape is that of the grid of the categories; -1 where no Et has a category.
    """
    out = categories.number_of_cell.reshape(categories.grid.shape).copy()
    n_et = out.shape[2]
    for i, j in [*pairwise(range(n_et)), *pairwise(reversed(range(n_et)))]:
        out[:, :, j] = np.where(out[:, :, j] < 0, out[:, :, i], out[:, :, j])
    return out


def sources_of(categories: CategorySet) -> NDArray[np.int32]:
    """Return the parameters that may drive electrons into or out of each scale category.

    They are the smearings^2 and the logarithms of the scales, by their place in the vector of both,
    of the category itself and of its neighbours in Et; shape (n, r), filled up with -1.
    """
    near = nearest_in_et(categories)
    below, above = near[:, :, :-1].ravel(), near[:, :, 1:].ravel()
    n = len(categories.scales)
    near_by: list[set[int]] = [{i} for i in range(n)]
    for a, b in {*zip(below.tolist(), above.tolist(), strict=True)}:
        if a >= 0:
            near_by[a].add(b)
            near_by[b].add(a)
    smearings = n + categories.smearing_of.astype(int)
    lists = [sorted({*group, *smearings[[*group]].tolist()}) for group in near_by]
    size = max(map(len, lists))
    return np.array([line + [-1] * (size - len(line)) for line in lists], np.int32)


def _slots(sources: NDArray[np.int32], n_parameters: int) -> NDArray[np.int32]:
    """Return the place of each parameter among the sources of each scale category.

    It is -1 for those of categories that are no neighbours, which no step of an electron reaches.
    """
    slots = np.full((len(sources), n_parameters), -1, np.int32)
    row, place = np.nonzero(sources >= 0)
    slots[row, sources[row, place]] = place
    return slots


def _electrons(categories: CategorySet, et_min: tuple[float, float]) -> Electrons:
    """Return how electrons are categorised and cut."""
    grid, (leading, subleading) = categories.grid, et_min
    return Electrons(
        edges=grid.edges[2],
        stride=grid.shape[3],
        category=categories.number_of_cell,
        nearest=nearest_in_et(categories).ravel(),
        thresholds=(np.float32(subleading), np.float32(leading)),
    )


def _changes(expected: Expected, sigma: Floats, smearing_of: NDArray[np.int16]) -> Changes:
    """Return what happens on the nodes to electrons of n categories with smearings `sigma`."""
    (unit, weights), components = nodes(), expected.tails.components
    g = np.concatenate([math.sqrt(variance) * unit for _, variance in components])
    weight = np.concatenate([share * weights for share, _ in components])
    slope = np.tile((unit**2 - 1) / 2, len(components))
    rising = np.argsort(g)
    factor = np.maximum(1 + sigma[:, None] * g[rising], LEAST_FACTOR)
    scale = np.asarray(expected.scale, np.float64)
    smearing2 = len(scale) + smearing_of.astype(np.int32)
    nodes_and_weights = factor, np.log(factor), weight[rising], slope[rising]
    return Changes(*nodes_and_weights, scale, np.log(scale), smearing2)


def _collect(
    sums: NDArray[np.int64], sources: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64]]:
    """Return the parts of `_add_flows`, see `FlowSums`."""
    pair, part = np.nonzero(sums.any(axis=1))
    leg, place = np.divmod(part - 1, sources.shape[1])
    category = pair_categories(pair)[np.arange(len(pair)), np.maximum(leg, 0)]
    source = np.where(part == 0, NO_SOURCE, sources[category, place])
    return collect(pair, source, sums[pair, :, part])


@compiled
def _add_flows(
    x: Floats, et: NDArray[np.float32], cell: IntArray, weight: Floats, electrons: Electrons,
    changes: Changes, slots: NDArray[np.int32], bins: Bins, sums: NDArray[np.int64],
) -> None:  # fmt: skip
    """Add the flows of some events.

    `weight` is in units of 2^exponent. `sums` has the shape (pairs, bins of the window, parts);
    part 0 is the value, the others are slopes by each of the sources of the first category of the
    pair, then of the second.
    """
    size = (2, len(changes.weight))
    places = Places(
        np.empty(2, np.int32), np.empty(2, np.int32), np.empty(size, np.int32),
        np.empty(size, np.int32), np.empty(size, np.int32), np.empty(size), np.empty(size),
        np.empty(size, np.bool_),
    )  # fmt: skip
    for i in range(len(x)):
        first, second = 2 * i, 2 * i + 1
        if electrons.nearest[cell[first]] < 0 or electrons.nearest[cell[second]] < 0:
            continue
        if _may_cross(et[first], cell[first], electrons, changes) or _may_cross(
            et[second], cell[second], electrons, changes
        ):
            for leg in range(2):
                _follow(et[first + leg], cell[first + leg], electrons, changes, leg, places)
            _share(x[i], weight[i], places, changes, slots, bins, sums)


@compiled
def _cell_in_et(et: np.float32, edges: NDArray[np.float32], near: int) -> int:
    """Return the number of edges <= et, looking from a place `near` it."""
    while near < len(edges) and et >= edges[near]:
        near += 1
    while near > 0 and et < edges[near - 1]:
        near -= 1
    return near


@compiled
def _place(et: np.float32, base: int, near: int, electrons: Electrons) -> int:
    """Return the category of an electron and how many thresholds it passes, in one number."""
    lower, upper = electrons.thresholds
    cell = base + _cell_in_et(et, electrons.edges, near) * electrons.stride
    category = int(electrons.category[cell])
    return (category << LEVEL_BITS) + int(et >= lower) + int(et >= upper)


@compiled
def _smear(
    et: np.float32, factor: float, base: int, near: int, electrons: Electrons, scale: Floats
) -> tuple[int, int]:
    """Return the category of E' = E x factor, the nearest if it has none, and the place of E' / s."""
    smeared = np.float32(et * factor)
    cell = base + _cell_in_et(smeared, electrons.edges, near) * electrons.stride
    category = int(electrons.nearest[cell])
    return category, _place(np.float32(smeared / scale[category]), base, near, electrons)


@compiled
def _split(cell: int, electrons: Electrons) -> tuple[int, int]:
    """Return the cell of an electron in the lowest Et, and the number of its cell in Et."""
    near = (cell // electrons.stride) % (len(electrons.edges) + 1)
    return cell - near * electrons.stride, near


@compiled
def _may_cross(et: np.float32, cell: int, electrons: Electrons, changes: Changes) -> bool:
    """Tell whether the outermost nodes leave category or level of an electron."""
    base, near = _split(cell, electrons)
    own, category = _place(et, base, near, electrons), electrons.nearest[cell]
    for node, step in ((0, -SCALE_STEP), (len(changes.weight) - 1, 0.0)):
        factor = changes.factor[category, node] * (1 + step)
        of_smeared, place = _smear(et, factor, base, near, electrons, changes.scale)
        if of_smeared != category or place != own:
            return True
    return False


@compiled
def _follow(
    et: np.float32, cell: int, electrons: Electrons, changes: Changes, leg: int, places: Places
) -> None:
    """Fill the places of one electron and the changes of ln(Et) that its mass feels."""
    base, near = _split(cell, electrons)
    category, own = electrons.nearest[cell], _place(et, base, near, electrons)
    places.category[leg], places.own[leg] = category, own
    for node in range(len(changes.weight)):
        factor = changes.factor[category, node]
        of_smeared, place = _smear(et, factor, base, near, electrons, changes.scale)
        shifted = np.float32(et * factor / (changes.scale[of_smeared] * (1 + SCALE_STEP)))
        places.of_smeared[leg, node], places.smeared[leg, node] = of_smeared, place
        places.shifted[leg, node] = _place(shifted, base, near, electrons)
        places.crosses[leg, node] = place != own or of_smeared != category
        smeared = changes.log_factor[category, node]
        places.stays[leg, node] = smeared - changes.log_scale[category]
        places.moves[leg, node] = smeared - changes.log_scale[of_smeared]


@compiled
def _share(
    x: float, weight: float, places: Places, changes: Changes, slots: NDArray[np.int32],
    bins: Bins, sums: NDArray[np.int64],
) -> None:  # fmt: skip
    """Move the shares of one event on all nodes from where K has them to where they belong."""
    own, smeared, shifted, crosses = places.own, places.smeared, places.shifted, places.crosses
    stays, moves, of_smeared = places.stays, places.moves, places.of_smeared
    node_weight, slope = changes.weight, changes.slope
    q1, q2 = changes.smearing2[places.category[0]], changes.smearing2[places.category[1]]
    for a in range(len(node_weight)):
        first, first_shifted = smeared[0, a], shifted[0, a]
        for b in range(len(node_weight)):
            second, second_shifted = smeared[1, b], shifted[1, b]
            any_crosses = crosses[0, a] or crosses[1, b]
            if not (any_crosses or first != first_shifted or second != second_shifted):
                continue
            share = UNITS * weight * node_weight[a] * node_weight[b]
            after = (x + (moves[0, a] + moves[1, b]) / 2 - bins.low) / bins.width
            end, amount = _target(first, second, after, sums), _rounded(share)
            if any_crosses:
                before = (x + (stays[0, a] + stays[1, b]) / 2 - bins.low) / bins.width
                begin = _target(own[0], own[1], before, sums)
                by_q1 = _rounded(share * slope[a])
                by_q2 = _rounded(share * slope[b])
                for sign, target in ((-1, begin), (1, end)):
                    _add(sums, slots, target, -1, 0, sign * amount)
                    _add(sums, slots, target, 0, q1, sign * by_q1)
                    _add(sums, slots, target, 1, q2, sign * by_q2)
            if first != first_shifted:
                beyond = _target(first_shifted, second, after, sums)
                _add(sums, slots, end, 0, of_smeared[0, a], -amount)
                _add(sums, slots, beyond, 0, of_smeared[0, a], amount)
            if second != second_shifted:
                beyond = _target(first, second_shifted, after, sums)
                _add(sums, slots, end, 1, of_smeared[1, b], -amount)
                _add(sums, slots, beyond, 1, of_smeared[1, b], amount)


@compiled
def _rounded(amount: float) -> int:
    """Return the nearest integer."""
    return int(np.rint(amount))


@compiled
def _target(
    first: int, second: int, position: float, sums: NDArray[np.int64]
) -> tuple[int, int, int, int]:
    """Return pair, bin and categories of two places; the pair is -1 if such an event is not filled."""
    a, b = first >> LEVEL_BITS, second >> LEVEL_BITS
    level_a, level_b = first & LEVEL, second & LEVEL
    low, high = min(a, b), max(a, b)
    kept = low >= 0 and min(level_a, level_b) >= 1 and max(level_a, level_b) == 2
    pair = (high * (high + 1) >> 1) + low if kept and 0 <= position < sums.shape[1] else -1
    return pair, int(position), a, b


@compiled
def _add(
    sums: NDArray[np.int64], slots: NDArray[np.int32], target: tuple[int, int, int, int],
    leg: int, source: int, amount: int,
) -> None:  # fmt: skip
    """Add to the value of a flow or, if a leg is given, to its slope by a source."""
    pair, place, a, b = target
    part = 0
    if leg >= 0:
        category, other = (a, b) if leg == 0 else (b, a)
        slot = slots[category, source]
        part = 1 + slot + (sums.shape[2] >> 1 if category > other else 0)
        if slot < 0:
            return
    if pair >= 0:
        sums[pair, place, part] += amount
