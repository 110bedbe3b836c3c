from __future__ import annotations

import math
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from scalesmear.draws import group_of
from scalesmear.errors import InputError
from scalesmear.fill import Corrections, FillSettings, fill_masses
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import PairHistograms, weight_exponent
from scalesmear.io.categoryfile import read_categories
from scalesmear.io.variationsfile import copy_variations, read_variations, shipped_variations
from scalesmear.toys import generate, make_truth
from scalesmear.variations import (
    AS_NOMINAL,
    BACKGROUND_SLOPE,
    N_GROUPS,
    Filling,
    GroupedPairs,
    Variation,
    distinct_fillings,
    fill_variations,
    moved,
    with_background,
    with_window,
)
from scalesmear.zweights import WeightTable, ZGrid

if TYPE_CHECKING:
    from pathlib import Path

    from scalesmear.events import Events
    from scalesmear.histogram import Kind, MassHistograms

COARSE, SETTINGS = read_categories("coarse"), FillSettings()
TRUTH = make_truth(4, n_runs=3)
DATA, SIM = generate(TRUTH, "data", 4000), generate(TRUTH, "sim", 6000)
EXPONENT = weight_exponent(float(abs(SIM.weight).max()))
WEIGHTS = WeightTable(ZGrid((0.0, 2.5), (0.0, 10.0, 100.0)), np.array([[0.5, 0.75]]))


def filled(
    events: Events, kind: Kind, *fillings: Filling, corrections: Corrections | None = None
) -> list[MassHistograms]:
    exponent = 0 if kind == "data" else EXPONENT
    chosen = corrections or Corrections()
    return fill_variations([events], kind, COARSE, SETTINGS, chosen, exponent, fillings)


def everything(filling: Filling = AS_NOMINAL) -> PairHistograms:
    data, sim = (filled(e, k, filling)[0] for e, k in ((DATA, "data"), (SIM, "sim")))  # type: ignore[arg-type]
    return GroupedPairs.of(data, sim).without(None)


def assert_same(found: PairHistograms, expected: PairHistograms) -> None:
    assert found.pairs.tolist() == expected.pairs.tolist()
    for name in ("data", "sim", "sim_variance"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-12)
    assert found.negative == expected.negative


def test_groups_add_up_to_the_plain_fill() -> None:
    plain = (
        fill_masses([DATA], "data", COARSE, SETTINGS, Corrections()),
        fill_masses([SIM], "sim", COARSE, SETTINGS, Corrections(), EXPONENT),
    )
    assert_same(everything(), PairHistograms.of(*plain))


def test_a_group_that_is_left_out_is_missing_once() -> None:
    (data,), (sim,) = filled(DATA, "data", AS_NOMINAL), filled(SIM, "sim", AS_NOMINAL)
    groups = GroupedPairs.of(data, sim)
    number = group_of(DATA.run, DATA.event, N_GROUPS)
    for k in range(N_GROUPS):
        rest = fill_masses([DATA.where(number != k)], "data", COARSE, SETTINGS, Corrections())
        assert groups.without(k).data.sum() == rest.contents.sum()


def test_groups_are_of_equal_size_and_belong_to_the_event() -> None:
    run, event = np.full(100_000, 7), np.arange(100_000)
    number = group_of(run, event, N_GROUPS)
    # 10000 +- 95 in each
    assert abs(np.bincount(number) - 10_000).max() < 5 * 95
    assert (number[::-1] == group_of(run[::-1], event[::-1], N_GROUPS)).all()


def test_a_pass_fills_each_variation_as_a_fill_of_its_own() -> None:
    fillings = (Filling(et_min=(40.0, 30.0)), Filling(r9_edge=(0.96, 0.9)), AS_NOMINAL)
    found = filled(DATA, "data", *fillings)
    alone = [filled(DATA, "data", filling)[0] for filling in fillings]
    for one, other in zip(found, alone, strict=True):
        assert (one.sumw == other.sumw).all()
    higher = FillSettings(et_min=(40.0, 30.0))
    expected = fill_masses([DATA], "data", COARSE, higher, Corrections())
    assert found[0].contents.sum() == expected.contents.sum() < found[2].contents.sum()
    shifted = fill_masses([DATA], "data", moved(COARSE, (0.96, 0.9)), SETTINGS, Corrections())
    rows = found[1].pairs % 36
    by_pair = [found[1].contents[rows == pair].sum() for pair in shifted.pairs]
    assert by_pair == shifted.contents.sum(axis=1).tolist()


def test_weights_can_be_left_out() -> None:
    chosen = Corrections(weights=WEIGHTS)
    off, on = filled(SIM, "sim", Filling(reweight=False), AS_NOMINAL, corrections=chosen)
    (plain,) = filled(SIM, "sim", AS_NOMINAL)
    assert (off.sumw == plain.sumw).all()
    assert 0.5 * plain.contents.sum() < on.contents.sum() < 0.75 * plain.contents.sum()


def test_electrons_need_the_identification_of_a_variation() -> None:
    events = DATA.where(slice(None))
    events.identification[::2, 1] = 12
    loose, tight = filled(events, "data", AS_NOMINAL, Filling(id_bit=16))
    kept = fill_masses([events.where(slice(1, None, 2))], "data", COARSE, SETTINGS, Corrections())
    assert tight.contents.sum() == kept.contents.sum() < loose.contents.sum()
    assert tight.dropped["without the identification bits of a variation"] > 0
    # every event is filled or counted
    for part in (loose, tight):
        assert part.contents.sum() + sum(part.dropped.values()) == len(events)


def test_jobs_add_up_whatever_their_number() -> None:
    (whole,) = filled(SIM, "sim", AS_NOMINAL)
    parts = [filled(SIM.where(slice(i, None, 3)), "sim", AS_NOMINAL)[0] for i in range(3)]
    total = reduce(add, parts)
    assert (total.pairs == whole.pairs).all()
    assert (total.sumw == whole.sumw).all()


@pytest.mark.parametrize("window", [(82.0, 98.0), (78.0, 103.0), (85.0, 100.0), (80.0, 95.0)])
def test_another_window_holds_what_lies_between_its_edges(window: tuple[float, float]) -> None:
    pairs = everything()
    found = with_window(pairs, window)
    low, high = found.grid.window
    # edges move to the nearest bin, the upper one by up to two bins of 0.5 GeV more
    assert abs(low - window[0]) < 0.3
    assert abs(high - window[1]) < 1.4
    assert found.grid.n_bins % 4 == 0
    assert found.grid.width == pytest.approx(pairs.grid.width, rel=1e-9)
    centres = (pairs.grid.edges[:-1] + pairs.grid.edges[1:]) / 2
    inside = (centres > math.log(low / 91.188)) & (centres < math.log(high / 91.188))
    expected = pairs.data[:, inside].sum(axis=1)
    assert found.data[:, found.grid.window_slice].sum(axis=1).tolist() == expected.tolist()


def test_background_falls_and_has_the_share_that_is_asked_for() -> None:
    pairs = everything()
    found = with_background(pairs, 0.02)
    added = found.sim - pairs.sim
    inside = pairs.grid.window_slice
    share = added[:, inside].sum(axis=1) / pairs.sim[:, inside].sum(axis=1)
    good = pairs.sim[:, inside].sum(axis=1) > 0
    np.testing.assert_allclose(share[good], 0.02, rtol=1e-9)
    # bins are equal in ln m: the density per GeV falls as exp(-m / slope)
    edges = 91.188 * np.exp(pairs.grid.edges)
    density = added[good][0] / np.diff(edges)
    centres = (edges[1:] + edges[:-1]) / 2
    slope = np.polyfit(centres, np.log(density), 1)[0]
    assert slope == pytest.approx(-1 / BACKGROUND_SLOPE, rel=1e-3)
    assert (found.sim_variance == pairs.sim_variance).all()


def test_an_edge_is_moved_in_scales_and_smearings() -> None:
    found = moved(COARSE, (0.96, 0.95))
    assert [w.r9 for w in found.scales[:2]] == [(0.0, 0.95), (0.95, math.inf)]
    assert found.smearing_of.tolist() == COARSE.smearing_of.tolist()


def test_without_an_edge_nothing_is_moved() -> None:
    assert moved(COARSE, None) == COARSE


@pytest.mark.parametrize(
    ("edge", "problem"),
    [((0.9, 0.95), "no category has an edge at R9 0.9"), ((0.96, -1.0), "do not rise")],
)
def test_an_edge_that_is_not_there_is_refused(edge: tuple[float, float], problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        moved(COARSE, edge)


# --- files ---


def test_standard_variations_have_at_least_eight_entries_and_are_sound() -> None:
    assert "standard" in shipped_variations()
    found = read_variations("standard")
    assert len(found) >= 8
    for variation in found:
        variation.check(COARSE, SETTINGS)
        variation.settings(FitSettings())
    # what is not named is not changed
    assert distinct_fillings(found)[0] == AS_NOMINAL
    assert len(distinct_fillings(found)) < len(found)


def test_another_simulation_can_be_added_to_the_standard_variations() -> None:
    *same, last = read_variations("standard-other")
    assert tuple(same) == read_variations("standard")
    assert {variation.simulation for variation in same} == {"nominal"}
    assert (last.simulation, last.filling) == ("other", AS_NOMINAL)


def test_a_file_of_variations_is_read_and_copied(tmp_path: Path) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(
        "- {name: a, r9_edge: [0.96, 0.94], tail_fraction: 0.2}\n"
        "- {name: b, source: c, mass_window: [82, 98], binning: equal-content, id_bit: 16}\n"
    )
    copy_variations(path, tmp_path / "copy.yml")
    one, two = read_variations(tmp_path / "copy.yml")
    assert one == Variation(
        name="a", source="a", filling=Filling((0.96, 0.94)), fit=(("tail_fraction", 0.2),)
    )
    assert two.source == "c"
    assert two.filling == Filling(id_bit=16)
    assert two.settings(FitSettings()).binning == "equal-content"
    assert two.mass_window == (82, 98)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{a: 1}", "write a list"),
        ("- name: [", "not YAML"),
        ("- {name: a}", "entry 1: needs a name and what it changes"),
        ("- {reweight: false}", "needs a name"),
        ("- {name: a, reweight: true}", "reweight is True; it must be false"),
        ("- {name: a, window: [80, 100]}", "unknown key 'window'"),
        ("- {name: a, mass_window: 80}", "it must be two numbers"),
        ("- {name: a, et_min: [35, x]}", "it must be two numbers"),
        ("- {name: a, id_bit: -2}", "a whole number above 0"),
        ("- {name: a, background: -0.1}", "0 or above"),
        ("- {name: a, simulation: nominal}", "simulation is 'nominal'; it must be other"),
        ("- {name: a, binning: odd}", "fixed, freedman-diaconis or equal-content"),
        ("- {name: a, id_bit: 2}\n- {name: a, id_bit: 4}", "two variations are called 'a'"),
    ],
)
def test_what_is_no_file_of_variations_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "mine.yml"
    path.write_text(text)
    with pytest.raises(InputError, match=problem):
        read_variations(path)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"et_min": [30, 20]}, r"et_min is \[30, 20\]"),
        ({"mass_window": [50, 100]}, r"mass_window is \[50, 100\]"),
        ({"mass_window": [98, 82]}, r"mass_window is \[98, 82\]"),
        ({"r9_edge": [0.9, 0.95]}, "no category has an edge"),
    ],
)
def test_what_the_selected_events_do_not_allow_is_refused(
    change: dict[str, Any], problem: str
) -> None:
    variation = Variation.from_json({"name": "a", **change}, "file")
    with pytest.raises(InputError, match=problem):
        variation.check(COARSE, SETTINGS)
