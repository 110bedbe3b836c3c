"""What is asked of all fits, and what it means for one of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalesmear.categories import CategorySet
from scalesmear.errors import InputError
from scalesmear.fitplan import FitPlan, PairSelector, Selector
from scalesmear.fitsettings import FitSettings
from scalesmear.io.files import read_settings, write_settings

CATEGORIES = CategorySet.from_blocks(
    {
        "scales": [
            {"abs_eta": [0, 1, 1.4442], "r9": [0, 0.96, float("inf")]},
            {"abs_eta": [1.566, 2, 2.5]},
        ],
        "smearings": [{"abs_eta": [0, 1.4442]}, {"abs_eta": [1.566, 2.5]}],
    }
)  # 0, 1: below 1; 2, 3: up to 1.4442; 4, 5: endcap without R9


@pytest.mark.parametrize(
    ("selector", "numbers"),
    [
        (Selector(), [0, 1, 2, 3, 4, 5]),
        (Selector(number=3), [3]),
        (Selector(number=6), []),
        (Selector(abs_eta=(None, 1.4442)), [0, 1, 2, 3]),
        (Selector(abs_eta=(1.0, None)), [2, 3, 4, 5]),
        (Selector(r9=(0.96, None)), [1, 3]),
        (Selector(r9=(0.96, 10)), []),
        (Selector(abs_eta=(0, 1), r9=(None, 0.96)), [0]),
        (Selector(abs_eta=(0.1, 1)), []),
        (Selector(gain=6), []),
    ],
    ids=str,
)
def test_a_selector_means_categories_inside_its_window(
    selector: Selector, numbers: list[int]
) -> None:
    assert selector.select(CATEGORIES.scales) == numbers


def test_pairs_are_those_of_both_electrons_in_any_order() -> None:
    # pair (low, high) has the number high (high + 1) / 2 + low: (4, 0), (4, 1), (5, 0), (5, 1)
    legs = Selector(abs_eta=(1.566, None)), Selector(abs_eta=(0, 1))
    for electrons in (legs, legs[::-1]):
        assert PairSelector(electrons=electrons).select(CATEGORIES.scales) == [10, 11, 15, 16]


def test_a_task_has_the_numbers_and_values_of_its_fit() -> None:
    plan = FitPlan(
        settings=FitSettings(start_smearing=0.02),
        fixed_scales=(
            Selector(r9=(0.96, None)),
            Selector(fit="fine", number=4, value=1.01),
            Selector(fit="coarse", number=5),
        ),
        fixed_smearings=(Selector(abs_eta=(1.566, 2.5)),),
        ignored_pairs=(
            PairSelector(electrons=(Selector(fit="fine", number=0), Selector(number=0))),
            PairSelector(fit="coarse", electrons=(Selector(number=1), Selector(number=1))),
        ),
    )
    task = plan.task("fine", CATEGORIES)
    assert task.settings.fixed_scales == (1, 3, 4)
    assert task.settings.fixed_smearings == (1,)
    assert task.settings.ignored_pairs == (0,)
    assert task.scale.tolist() == [1, 1, 1, 1, 1.01, 1]
    assert task.smearing.tolist() == [0.02, 0]


def test_a_task_starts_from_equal_categories_of_an_earlier_fit() -> None:
    halves = CategorySet.from_blocks(
        {
            kind: [{"abs_eta": [0, 1.4442]}, {"abs_eta": [1.566, 2, 2.5]}]
            for kind in ("scales", "smearings")
        }
    )
    earlier = halves, np.array([1.01, 1.02, 1.03]), np.array([0.011, 0.012, 0.013])
    task = FitPlan(fixed_scales=(Selector(number=5, value=0.99),)).task("fine", CATEGORIES, earlier)
    assert task.scale.tolist() == [1, 1, 1, 1, 1.02, 0.99]
    assert task.smearing.tolist() == [0.011, 0.01]


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ({"fixed_scales": (Selector(fit="gain"),)}, r"fixed_scales\[0\]: there is no fit 'gain'"),
        ({"fixed_scales": (Selector(number=1),)}, "a number means a category of one fit"),
        ({"fixed_scales": (Selector(), Selector(r9=(1, 2)))}, r"\[1\]: no category lies inside r9"),
        (
            {"fixed_smearings": (Selector(fit="fine", number=2),)},
            "no category lies inside number 2",
        ),
        ({"fixed_smearings": (Selector(abs_eta=(2, 1)),)}, "do not rise"),
        (
            {"ignored_pairs": (PairSelector(electrons=(Selector(), Selector(gain=1))),)},
            r"ignored_pairs\[0\]: no category",
        ),
    ],
)
def test_a_selector_without_meaning_is_refused(plan: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=f"inputs.yml: .*{message}"):
        FitPlan(**plan).check({"fine": CATEGORIES})


def test_a_plan_comes_back_from_its_file(tmp_path: Path) -> None:
    plan = FitPlan(
        settings=FitSettings(binning="equal-content", tail_fraction=0.1),
        fixed_scales=(Selector(fit="fine", abs_eta=(2.0, None), value=1.002),),
        ignored_pairs=(PairSelector(electrons=(Selector(gain=6), Selector(number=3))),),
        start_file="x/fit.json",
        bootstrap=10,
    )
    write_settings(tmp_path / "fit.json", plan)
    assert read_settings(tmp_path / "fit.json", FitPlan) == plan
    content = json.loads((tmp_path / "fit.json").read_text())
    content["settings"]["minimizer"] = "newton"
    (tmp_path / "fit.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"unknown key 'minimizer'; known keys are minimiser"):
        read_settings(tmp_path / "fit.json", FitPlan)


def test_neighbours_meet_in_one_variable() -> None:
    # 0: eta < 1, low R9; 1: its high R9; 2, 3: the same further out. The gap separates 4 and 5
    assert CATEGORIES.neighbours == ((1, 2), (0, 3), (0, 3), (1, 2), (5,), (4,))
