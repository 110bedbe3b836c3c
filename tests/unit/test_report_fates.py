"""What the report says of categories and pairs that were not simply fitted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scalesmear.bootstrap import bootstrap
from scalesmear.categories import CategorySet
from scalesmear.fit import fit_pairs
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import MassFiller, MassGrid, PairHistograms
from scalesmear.report.fates import counts, fates, pair_fates
from scalesmear.report.inputs import NamedFit
from scalesmear.report.tables import bootstrap_table, fates_table, pair_fates_table

R9 = [0, 0.9, 0.96, np.inf]
BLOCKS = {
    "scales": [{"abs_eta": [0, 1.4442], "r9": R9}, {"abs_eta": [1.566, 2.5], "r9": R9}],
    "smearings": [{"abs_eta": [0, 1.4442]}, {"abs_eta": [1.566, 2.5]}],
}
CATEGORIES = CategorySet.from_blocks(BLOCKS)
SHARES = (0.003, 0.3, 0.3, 0.1, 0.15, 0.147)  # of electrons; the first category is sparse


@pytest.fixture(scope="module")
def histograms() -> PairHistograms:
    """Return data and simulation that agree."""
    rng = np.random.default_rng(5)
    parts = []
    for kind, n in (("data", 30_000), ("sim", 60_000)):
        low, high = np.sort(rng.choice(6, (n, 2), p=SHARES), axis=1).T
        filler = MassFiller(kind, MassGrid(), len(SHARES))  # type: ignore[arg-type]
        filler.add(rng.normal(0, 0.02, n), high * (high + 1) // 2 + low, np.ones(n))
        parts.append(filler.finish())
    return PairHistograms.of(*parts)


def named(histograms: PairHistograms, **options: object) -> NamedFit:
    settings = FitSettings(min_category_events=1000, **options)  # type: ignore[arg-type]
    start = np.ones(6), np.full(2, 0.01)
    result = fit_pairs(histograms, CATEGORIES.smearing_of, settings, start, CATEGORIES.neighbours)
    return NamedFit("fine", CATEGORIES, result, settings)


def test_joined_and_fixed_scales_are_named_with_their_values(histograms: PairHistograms) -> None:
    fit = named(histograms, low_statistics="merge", fixed_scales=(5,))
    value = f"{fit.result.scale[1]:.5f}"
    one, other = [fate for fate in fates(fit) if fate.kind == "scale"]
    assert one.category == "|eta| < 1.4442, R9 < 0.9"
    assert one[2:] == ("joined a neighbour", f"that of |eta| < 1.4442, R9 0.9-0.96: {value}")
    assert other[1:] == ("|eta| 1.566-2.5, R9 >= 0.96", "fixed", "at 1.00000")
    assert fit.scales.open_points.tolist() == [True, False, False, False, False, True]
    assert {"1 scale joined a neighbour", "1 scale fixed"} <= set(counts(fit))


@pytest.mark.parametrize(
    ("rule", "what", "used"), [("fix", "not determined", False), ("flag", "few events", True)]
)
def test_a_sparse_category_is_left_out_or_flagged_with_its_events(
    histograms: PairHistograms, rule: str, what: str, *, used: bool
) -> None:
    fit = named(histograms, low_statistics=rule, min_data_events=100)
    fate = next(fates(fit))
    assert (fate.kind, fate.what) == ("scale", what)
    assert "fewer than 1000" in fate.detail
    assert used in {pair.used for pair in pair_fates(fit)}
    text = fates_table([fit]).text(200)
    assert "scale of |eta| < 1.4442, R9 < 0.9" in text
    window = "|eta| < 1.4442, R9 < 0.9"
    left_out = {pair.why for pair in pair_fates(fit) if not pair.used and "data and" in pair.why}
    assert left_out == (set() if used else {f"{window} has {fit.result.few[0]}"})
    pairs = pair_fates_table(fit).text(400)
    assert ("used" if used else "left out") in pairs


def test_a_smearing_at_its_bound_has_its_limit(histograms: PairHistograms) -> None:
    fit = named(histograms)
    bound = np.array([True, False])
    result = replace(fit.result, smearing_at_bound=bound, smearing_upper=np.array([0.0042, 0.01]))
    found = [fate for fate in fates(replace(fit, result=result)) if fate.what == "at its bound"]
    assert [fate.detail for fate in found] == ["0, below 0.00420 at 95 % confidence"]


def test_the_scatter_of_replicas_stands_beside_the_error(histograms: PairHistograms) -> None:
    fit = named(histograms)
    assert bootstrap_table(fit).rows == ()
    replicas = bootstrap(histograms, CATEGORIES.smearing_of, fit.settings, fit.result, 3)
    rows = bootstrap_table(replace(fit, bootstrap=replicas)).rows
    assert len(rows) == 8
    error, scatter = fit.result.scale_error[1], replicas.scale_error[1]
    assert rows[1][2:] == (f"{error:.5f}", f"{scatter:.5f}", f"{scatter / error:.2f}")
    assert rows[0][-1] == "-"  # not determined: no error to compare with
    assert rows[6][0] == "smearing squared |eta| < 1.4442"
