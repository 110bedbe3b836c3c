"""Figures of the report: rendered bytes, panels and ranges."""

from __future__ import annotations

import base64
import itertools
import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear.cells import Window
from scalesmear.report.category_figures import chart, eta_figure, eta_groups
from scalesmear.report.drawing import Drawing, render
from scalesmear.report.fit_figures import correlations
from scalesmear.report.mass import MassSpectrum
from scalesmear.report.mass_figures import mass_figure
from scalesmear.report.quantity import Quantity
from scalesmear.report.ratios import half_range
from scalesmear.report.style import capped, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

REGIONS = ((0.0, 1.0), (1.0, 1.4442), (1.566, 2.0), (2.0, 2.5))


def quantity(windows: Sequence[Window], **options: float) -> Quantity:
    n = len(windows)
    return Quantity(
        tuple(windows),
        value=1 + 1e-3 * np.arange(n),
        error=np.full(n, 1e-3),
        upper=np.full(n, np.nan),
        **options,  # type: ignore[arg-type]
    )


def windows(n_r9: int) -> list[Window]:
    """Return categories in 4 ranges of |eta| with `n_r9` ranges of R9 each."""
    edges = [*np.linspace(0, 0.96, n_r9), math.inf]
    return [Window(eta, (low, high)) for eta in REGIONS for low, high in itertools.pairwise(edges)]


def spectrum(data: Sequence[float], sim: Sequence[float]) -> MassSpectrum:
    n = len(data)
    edges = np.linspace(80, 100, n + 1)
    return MassSpectrum(
        "a", edges, np.array(data), np.array(sim), np.ones(n), np.ones(n, dtype=bool)
    )


def test_rendering_is_reproducible_and_complete() -> None:
    figure = partial(chart, quantity(windows(2)), "scale", label="toys", era="toy2026")
    one, two = (render(Drawing("scales", "A caption.", figure)) for _ in range(2))
    assert one == two
    assert one.pdf.startswith(b"%PDF")
    assert one.png.startswith(b"\x89PNG")
    kind, _, content = one.uri.partition(",")
    assert kind == "data:image/svg+xml;base64"
    assert b"<svg" in base64.b64decode(content)


def test_a_picture_in_the_page_is_smaller_than_its_file() -> None:
    part = spectrum([10.0] * 40, [11.0] * 40)
    figure = partial(mass_figure, [(part, part)], label="toys", era="toy2026")
    rendered = render(Drawing("mass", "A caption.", figure, vector=False))
    assert rendered.uri.startswith("data:image/png")
    assert len(rendered.uri) < len(rendered.png)


@pytest.mark.parametrize("n_r9", [2, 14])
def test_every_category_has_its_slot(n_r9: int) -> None:
    with styled():
        figure = chart(quantity(windows(n_r9)), "scale", label="", era="toy2026")
    assert len(figure.axes) == len(REGIONS)
    names = [label.get_text() for axes in figure.axes for label in axes.get_xticklabels()]
    assert len(names) == 4 * n_r9
    assert names[n_r9 - 1] == "\N{GREATER-THAN OR EQUAL TO} 0.96"


@pytest.mark.parametrize("n_r9", [2, 14])
def test_figure_against_eta_explains_its_colours(n_r9: int) -> None:
    part = quantity(windows(n_r9))
    with styled():
        figure = eta_figure(part, part, ("scale", "smearing"), label="", era="toy2026")
    legends = [axes.get_legend() for axes in figure.axes]
    bars = [child for axes in figure.axes for child in axes.child_axes]
    assert (len([one for one in legends if one]), len(bars)) == ((2, 0) if n_r9 == 2 else (0, 2))


def test_categories_are_grouped_by_rising_eta_and_r9() -> None:
    mixed = list(reversed(windows(2)))
    assert eta_groups(mixed) == {eta: [7 - 2 * i, 6 - 2 * i] for i, eta in enumerate(REGIONS)}


def test_ratio_axis_shows_nine_of_ten_points() -> None:
    assert half_range(np.full(20, 0.99)) == 0.02
    assert half_range(np.full(20, 0.99), np.full(20, 1.25)) == 0.5
    assert half_range(np.array([0.99] * 19 + [3.0])) == 0.02
    assert half_range(np.array([np.nan])) == 1.0


def test_one_large_error_does_not_set_the_range() -> None:
    assert capped(np.array([1.0, 1.0, 2.0, 100.0])).tolist() == [1.0, 1.0, 2.0, 6.0]
    assert capped(np.zeros(0)).tolist() == []


def test_correlations_are_one_on_the_diagonal_and_none_without_variance() -> None:
    covariance = np.array([[4.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    found = correlations(covariance)
    assert found[:2, :2].tolist() == [[1.0, -0.5], [-0.5, 1.0]]
    assert np.isnan(found[2]).all()
