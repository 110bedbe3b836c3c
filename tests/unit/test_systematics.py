from __future__ import annotations

import json

import numpy as np
import pytest

from scalesmear.corrections import SmearingTable
from scalesmear.errors import InputError
from scalesmear.io.categoryfile import read_categories
from scalesmear.systematics import Shift, SystematicErrors, Values, with_smearing_errors

COARSE = read_categories("coarse")


def shift(name: str, source: str, scale: float, smearing: float = 0.0) -> Shift:
    ones = np.ones(8)
    return Shift(name, source, scale * ones, 1e-5 * ones, smearing * ones, 1e-5 * ones, 10.0, 12)


def errors(*shifts: Shift) -> SystematicErrors:
    ones = np.ones(8)
    return SystematicErrors(COARSE, ones, 1e-4 * ones, 0.01 * ones, 1e-3 * ones, shifts)


def test_jackknife_of_a_mean_is_its_standard_error() -> None:
    # leaving out one of k numbers: mean_k = (sum - x_k) / (k - 1); the jackknife is exact for means
    x = np.random.default_rng(1).normal(size=(10, 3))
    values = Values(x.mean(axis=0), (x.sum(axis=0) - x) / 9)
    np.testing.assert_allclose(values.error, x.std(axis=0, ddof=1) / np.sqrt(10))


def test_what_both_fits_share_drops_out_of_a_difference() -> None:
    rng = np.random.default_rng(2)
    common, own = rng.normal(size=(10, 4)), 0.01 * rng.normal(size=(10, 4))
    nominal = Values(common.mean(axis=0), common)
    varied = Values(nominal.all + 0.5, common + own + 0.5)
    difference = varied.minus(nominal)
    np.testing.assert_allclose(difference.all, 0.5)
    # 9/10 of the sum of ten squares of the own part
    spread = own - own.mean(axis=0)
    np.testing.assert_allclose(difference.error, np.sqrt(0.9 * (spread**2).sum(axis=0)), rtol=1e-9)
    assert (difference.error < 0.1 * nominal.error).all()


def test_relative_changes_are_those_of_the_ratio() -> None:
    nominal = Values(np.array([2.0]), np.array([[2.0], [4.0]]))
    varied = Values(np.array([2.2]), np.array([[2.2], [4.2]]))
    found = varied.relative_to(nominal)
    assert found.all == pytest.approx([0.1])
    assert found.without.ravel() == pytest.approx([0.1, 0.05])


def test_the_largest_change_of_a_source_counts_and_sources_add_in_squares() -> None:
    found = errors(
        shift("up", "edge", 3e-4, 2e-3), shift("down", "edge", -1e-4), shift("w", "window", -4e-4)
    )
    assert found.sources == ("edge", "window")
    assert found.of_source("edge")[0] == pytest.approx(3e-4)
    scale, smearing = found.total
    assert scale == pytest.approx(5e-4)
    assert smearing == pytest.approx(2e-3)


def test_json_holds_all_of_it() -> None:
    found = errors(shift("up", "edge", 3e-4, 2e-3), shift("w", "window", -4e-4))
    content = json.loads(json.dumps(found.to_json()))
    again = SystematicErrors.from_json(content, COARSE)
    assert again.to_json() == found.to_json()
    with pytest.raises(InputError, match="not systematic errors"):
        SystematicErrors.from_json({"nominal": {}}, COARSE)


def test_smearings_get_the_error_of_the_category_that_holds_them() -> None:
    fine = read_categories("fine")
    n = len(fine.smearings)
    table = SmearingTable.of(fine.smearings, [0.01] * n, [3e-4] * n)
    added = with_smearing_errors(table, COARSE, 4e-4 * np.arange(8, dtype=np.float64))
    # |eta| < 1, R9 < 0.96 is the first category of both, R9 >= 0.96 the second
    assert added.err_rho[:2] == pytest.approx([3e-4, 5e-4])
    assert (added.rho == table.rho).all()
    with pytest.raises(InputError, match="no smearing category holds"):
        with_smearing_errors(
            SmearingTable.of(read_categories("eta").smearings, [0.01] * 5, [0.0] * 5),
            COARSE,
            np.ones(8),
        )
