"""Spectra that the report shows: what is added up, normalised, and compared."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from scalesmear.histogram import MassFiller, MassGrid, PairHistograms, pair_number
from scalesmear.kinematics import Z_MASS
from scalesmear.report.mass import (
    Agreement,
    MassSpectrum,
    format_p_value,
    membership,
    spectrum,
)

GRID = MassGrid.of_width((80.0, 100.0), 0.5, (60.0, 120.0))


def histograms(data: dict[tuple[int, int], int], sim: dict[tuple[int, int], int]) -> PairHistograms:
    """Return histograms of 3 categories with events spread evenly over 82-98 GeV."""
    parts = []
    for kind, counts in (("data", data), ("sim", sim)):
        filler = MassFiller(kind, GRID, 3, exponent=1)  # type: ignore[arg-type]
        for legs, n in counts.items():
            log_mass = np.log(np.linspace(82, 98, n) / Z_MASS)
            pair = pair_number(np.array([legs] * n))
            filler.add(log_mass, pair, np.full(n, 2.0) if kind == "sim" else None)
        parts.append(filler.finish())
    return PairHistograms.of(parts[0], parts[1])


def test_an_event_counts_once_for_each_category_that_it_touches() -> None:
    # pairs 0..5 are (0,0) (0,1) (1,1) (0,2) (1,2) (2,2)
    member = membership(np.arange(6, dtype=np.int32), 3)
    assert member.tolist() == [
        [True, True, False, True, False, False],
        [False, True, True, False, True, False],
        [False, False, False, True, True, True],
    ]


def test_spectrum_adds_up_pairs_and_normalises_in_the_window() -> None:
    hists = histograms({(0, 0): 4000, (0, 1): 2000, (2, 2): 999}, {(0, 0): 5000, (1, 1): 777})
    part = spectrum(hists, membership(hists.pairs, 3)[0], "first")
    assert part.n_data == 6000
    # 5000 events of weight 2 become the 6000 of data: factor 0.6, so sum w^2 is 0.6^2 4 5000
    assert part.sim[part.in_window].sum() == pytest.approx(6000)
    assert part.sim_variance[part.in_window].sum() == pytest.approx(0.36 * 4 * 5000, rel=1e-6)
    assert (part.edges[0], part.edges[-1]) == pytest.approx((60, 120), abs=0.7)


def test_zoomed_spectrum_ends_at_the_window() -> None:
    hists = histograms({(0, 0): 4000}, {(0, 0): 4000})
    part = spectrum(hists, np.ones(len(hists.pairs), bool), "all").zoomed()
    assert (part.edges[0], part.edges[-1]) == pytest.approx((80, 100))
    assert len(part.data) == 40
    assert part.in_window.all()


@pytest.mark.parametrize(("n", "bins"), [(4000, 40), (300, 20), (30, 10)])
def test_sparse_spectra_have_wider_bins(n: int, bins: int) -> None:
    # spread over 16 of 20 GeV: 100, 7.5 and 0.75 events in a bin of 0.5 GeV; 12 are wanted
    hists = histograms({(0, 0): n}, {(0, 0): 4000})
    assert len(spectrum(hists, np.ones(1, bool), "all").zoomed().data) == bins


def test_spectrum_without_events_is_empty_and_has_no_p_value() -> None:
    hists = histograms({(0, 0): 100}, {(0, 0): 100})
    part = spectrum(hists, np.zeros(1, bool), "none")
    assert part.n_data == 0
    assert part.agreement().p_value is None
    assert str(part.agreement()) == "too few events"


def test_agreement_is_pearsons_chi2_with_the_variance_of_the_simulation() -> None:
    part = MassSpectrum(
        "two bins and one with too few events",
        edges=np.array([80.0, 85.0, 90.0, 95.0, 100.0]),
        data=np.array([110.0, 90.0, 3.0, 7.0]),
        sim=np.array([100.0, 100.0, 4.0, 10.0]),
        sim_variance=np.array([100.0, 25.0, 1.0, 0.0]),
        in_window=np.array([True, True, True, False]),
    )
    # 10^2 / 200 + 10^2 / 125; the third bin expects fewer than 5, the fourth is outside
    assert part.agreement().chi2 == pytest.approx(0.5 + 0.8)
    assert part.agreement().ndf == 1


def test_p_value_of_one_degree_of_freedom_is_that_of_a_normal_distribution() -> None:
    assert Agreement(4.0, 1).p_value == pytest.approx(2 * stats.norm.sf(2))
    assert str(Agreement(4.0, 1)) == "chi2/ndf = 4.0/1, p = 0.05"


@pytest.mark.parametrize(
    ("p_value", "text"), [(0.1234, "= 0.12"), (3.4e-5, "= 3e-05"), (0.0, "< 1e-10")]
)
def test_p_values_are_short(p_value: float, text: str) -> None:
    assert format_p_value(p_value) == text
