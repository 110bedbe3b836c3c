import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scalesmear.errors import FitError
from scalesmear.events import Events
from scalesmear.peak import inside_window, median, solve_scale, weighted_median
from scalesmear.stability import (
    StabilitySettings,
    collect_masses,
    derive_stability,
    region_number,
    z_mass_targets,
)

WINDOW = (80.0, 100.0)
REGIONS = ((0.0, 1.0), (1.0, 1.4442), (1.566, 2.5))
RUN_BINS = [(1, 4), (5, 9)]
SETTINGS = StabilitySettings(regions=REGIONS, target="z_mass", min_events=40, mass_window=WINDOW)

seeds = st.integers(0, 2**32 - 1)
masses_lists = st.lists(st.floats(60, 120, width=32), min_size=1, max_size=80)


def toy_events(seed: int, n: int = 900) -> Events:
    draws = np.random.default_rng(seed)
    eta = draws.uniform(0, 2.5, (n, 1)) * draws.choice([-1, 1], (n, 2))
    return Events(run=draws.integers(1, 10, n), mass=draws.normal(91, 3, n), eta_sc=eta)


@given(masses_lists, st.floats(87, 95))
def test_a_solution_agrees_with_its_own_window(values: list[float], target: float) -> None:
    masses = np.sort(np.array(values, dtype=np.float32))
    try:
        scale = solve_scale(masses, WINDOW, target)
    except FitError:
        assume(False)
    scaled_median = scale * median(masses[inside_window(masses, WINDOW, scale)])
    assert abs(scaled_median - target) < 1e-9


@given(st.lists(st.tuples(st.floats(60, 120, width=32), st.integers(1, 4)), min_size=1))
def test_whole_weights_are_repetitions(pairs: list[tuple[float, int]]) -> None:
    values, counts = np.array(sorted(pairs), dtype=np.float32).T
    repeated = np.repeat(values, counts.astype(int))
    assert weighted_median(values, counts) == median(repeated)


@settings(deadline=None, max_examples=25)  # the first call compiles
@given(seeds, st.randoms(use_true_random=False), st.integers(1, 5))
def test_order_and_grouping_of_files_do_not_change_a_bit(
    seed: int, random: object, n_files: int
) -> None:
    data = toy_events(seed)
    order = np.arange(len(data))
    random.shuffle(order)  # type: ignore[attr-defined]
    files = [data.where(np.isin(np.arange(len(data)), part)) for part in np.split(order, 3)]
    targets = z_mass_targets(REGIONS)
    whole = derive_stability(collect_masses([data], REGIONS, RUN_BINS), RUN_BINS, targets, SETTINGS)
    parts = np.array_split(order, n_files)
    batches = [Events(**{c: getattr(data, c)[part] for c in data.columns}) for part in parts]
    for split in (files, batches):
        masses = collect_masses(split, REGIONS, RUN_BINS)
        assert derive_stability(masses, RUN_BINS, targets, SETTINGS) == whole


@settings(deadline=None)  # the first call compiles
@given(seeds)
def test_swapping_the_electrons_changes_nothing(seed: int) -> None:
    data = toy_events(seed, 200)
    swapped = Events(run=data.run, mass=data.mass, eta_sc=data.eta_sc[:, ::-1])
    one, other = (collect_masses([e], REGIONS, RUN_BINS) for e in (data, swapped))
    assert one.dropped == other.dropped
    for left, right in zip(one.masses, other.masses, strict=True):
        assert [cell.tolist() for cell in left] == [cell.tolist() for cell in right]


@settings(deadline=None)  # the first call compiles
@given(seeds)
def test_every_event_is_used_or_counted_as_dropped(seed: int) -> None:
    data = toy_events(seed, 300)
    collected = collect_masses([data], REGIONS, RUN_BINS)
    used = sum(len(cell) for row in collected.masses for cell in row)
    assert used + sum(collected.dropped.values()) == collected.n_events == 300


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.floats(0, 3, width=32), min_size=1, max_size=50))
def test_an_electron_lies_in_at_most_the_region_that_says_so(values: list[float]) -> None:
    abs_eta = np.array(values, dtype=np.float32)
    edges = [(np.float32(low), np.float32(high)) for low, high in REGIONS]
    expected = [
        next((i for i, (low, high) in enumerate(edges) if low <= x < high), -1) for x in abs_eta
    ]
    assert region_number(abs_eta, REGIONS).tolist() == expected
