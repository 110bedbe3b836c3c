"""The factor, its ingredients with their units, and what is refused."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from scalesmear.errors import InputError
from scalesmear.normalisation import (
    Given,
    Normalisation,
    Quantity,
    Uncertainty,
    parse_quantity,
    parse_uncertainty,
)


def quantity(name: str, text: str) -> Quantity:
    return parse_quantity(name, Given(text, f"--{name}"))


def normalisation(**texts: str) -> Normalisation:
    given = {"filter_eff": "1", "k_factor": "1", "cross_section": "44.837", "luminosity": "140.1"}
    given |= {"sum_of_weights": "6813.0258"} | texts
    quantities: dict[str, Any] = {name: quantity(name, text) for name, text in given.items()}
    return Normalisation(**quantities)


def test_golden_number_of_the_lesson() -> None:
    found = normalisation()
    assert found.factor == pytest.approx(0.92200791, abs=5e-9)
    assert found.expected_events == pytest.approx(6281.6637, abs=5e-5)
    assert found.spelled_out == "1 * 1 * 44.837 fb * 140.1 fb-1 / 6813.0258 = 0.92200791"


def test_exchanged_digits_of_the_lesson_give_another_number() -> None:
    # its command says 44.873 where text and inputs say 44.837
    assert normalisation(cross_section="44.873").factor == pytest.approx(0.92275, abs=5e-6)


def test_each_ingredient_enters_once() -> None:
    # 0.5 * 1.2 * 3 fb * 7 fb-1 / 10 = 1.26
    found = normalisation(
        filter_eff="0.5", k_factor="1.2", cross_section="3", luminosity="7", sum_of_weights="10"
    )
    assert found.factor == pytest.approx(1.26, rel=1e-15)


@pytest.mark.parametrize(
    ("cross_section", "luminosity"),
    [
        ("44.837 fb", "140.1 fb-1"),
        ("0.044837 pb", "140.1fb^-1"),
        ("0.044837pb", "140100 pb-1"),
        ("4.4837e-5 nb", "140100 pb^{-1}"),
        ("44837e-3", "0.1401E+6 pb⁻¹"),
        ("44.837 fb", "0.0001401e6 fb ^-1"),
    ],
)
def test_units_do_not_matter(cross_section: str, luminosity: str) -> None:
    found = normalisation(cross_section=cross_section, luminosity=luminosity)
    assert found.factor == pytest.approx(44.837 * 140.1 / 6813.0258, rel=1e-14)


def test_spelled_out_units_cancel() -> None:
    found = normalisation(cross_section="2475 pb", luminosity="2.33 fb-1", k_factor="1.12")
    assert "1 * 1.12 * 2475 pb * 2330 pb-1 / 6813.0258" in found.spelled_out


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("cross_section", "0", "cross section is 0"),
        ("cross_section", "-1 pb", "cross section is -1"),
        ("cross_section", "nan", "cross section is nan"),
        ("cross_section", "inf pb", "cross section is inf"),
        ("cross_section", "1e999", "cross section is inf"),
        ("cross_section", "None", "'None' is not a cross section"),
        ("cross_section", "", "'' is not a cross section"),
        ("cross_section", "44,837", "has the unit ,837"),
        ("cross_section", "44 fb-1", "has the unit fb-1, which belongs to a luminosity"),
        ("cross_section", "44 FB", "has the unit FB"),
        ("luminosity", "140.1 fb", "has the unit fb, which belongs to a cross_section"),
        ("luminosity", "-inf", "luminosity is -inf"),
        ("k_factor", "1.1 fb", "has the unit fb"),
        ("filter_eff", "1.5", "filter eff is 1.5"),
        ("sum_of_weights", "-12", "sum of weights is -12"),
        ("sum_of_weights", "1_000", "has the unit _000"),
    ],
)
def test_nonsense_is_refused(name: str, text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        quantity(name, text)
    assert str(error.value).startswith(f"--{name}: ")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_factor_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match="out of range"):
        normalisation(cross_section="1e200", luminosity="1e200")
    with pytest.raises(InputError, match="out of range"):
        normalisation(cross_section="1e-200", sum_of_weights="1e200")


def uncertainty(text: str, of: Quantity) -> Uncertainty:
    return parse_uncertainty(Given(text, "--x"), of)


@pytest.mark.parametrize(
    ("text", "of", "relative"),
    [
        ("5 %", quantity("cross_section", "44.837 fb"), 0.05),
        ("2.24185 fb", quantity("cross_section", "44.837 fb"), 0.05),
        ("100 fb", quantity("cross_section", "2 pb"), 0.05),
        ("1.401 fb-1", quantity("luminosity", "140.1 fb-1"), 0.01),
        ("0.056", quantity("k_factor", "1.12"), 0.05),
        ("0.83%", quantity("luminosity", "140.1"), 0.0083),
    ],
)
def test_uncertainty_is_relative_or_absolute(text: str, of: Quantity, relative: float) -> None:
    assert uncertainty(text, of).relative == pytest.approx(relative, rel=1e-12)


@pytest.mark.parametrize("text", ["0.05", "-5 %", "0 %", "nan %", "five %", "1 fb-1", "5 % fb"])
def test_uncertainty_that_could_mean_anything_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        uncertainty(text, quantity("cross_section", "44.837 fb"))


def test_uncertainties_stay_apart() -> None:
    found = normalisation()
    uncertain = Normalisation(
        **{name: getattr(found, name) for name in found.to_json()["ingredients"]},
        uncertainties={"luminosity": uncertainty("0.83 %", found.luminosity)},
    )
    assert uncertain.factor == found.factor
    content = json.loads(json.dumps(uncertain.to_json(), allow_nan=False))
    assert content["uncertainties"]["luminosity"]["relative"] == pytest.approx(0.0083)
    assert math.isclose(content["factor"], content["expected_events"] / 6813.0258)
    assert content["ingredients"]["luminosity"] == {
        "value": 140.1,
        "unit": "fb-1",
        "from": "--luminosity",
    }
