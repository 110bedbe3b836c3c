"""Tables and figures of a study of injections show the numbers of its pulls."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from matplotlib.patches import Rectangle, StepPatch
from tests.unit.test_pulls import CATEGORIES, INJECTED, fits_of, gaussian

from scalesmear.injection import InjectionSettings
from scalesmear.provenance import provenance
from scalesmear.pulls import PullCriteria, Study
from scalesmear.report.injection_study import StudyReport, labels, parameter_table
from scalesmear.report.pull_figures import bias_figure, means_figure, pulls_figure
from scalesmear.report.style import styled

STUDY = Study(INJECTED, fits_of(gaussian(25)))
SIGNS: Any = {"label": "", "era": "25 toys"}


def report_of(study: Study, *complaints: str) -> StudyReport:
    around = InjectionSettings(), PullCriteria(), complaints, "", provenance()
    return StudyReport(study, *around)


def test_each_parameter_has_its_name_and_line() -> None:
    assert labels(STUDY) == [
        "scale of |eta| < 1.4442",
        "scale of |eta| 1.4442-2.5",
        "smearing of |eta| < 2.5",
    ]
    head, *lines = [line.split("\t") for line in report_of(STUDY).to_tsv().splitlines()]
    first, last = (dict(zip(head, line, strict=True)) for line in (lines[0], lines[-1]))
    assert len(lines) == 3
    assert first | {"injected": "1.01", "rms_pull": "1", "toys": "25"} == first
    assert (first["limit_holds"], last["limit_holds"]) == ("-", last["limit_holds"])
    assert float(last["limit_holds"]) == np.mean(STUDY.pulls[:, 2] >= -1.645)


def test_json_has_no_number_that_is_none() -> None:
    fits = fits_of(gaussian(25))
    fits.errors[:, 0] = np.inf
    content = report_of(Study(INJECTED, fits), "a complaint").to_json()
    json.dumps(content, allow_nan=False)
    assert content["parameters"][0]["mean_pull"] is None
    assert content["parameters"][0]["toys"] == 0
    assert not content["passed"]
    assert content["together"]["scales"]["pulls"] == 25


def test_biases_are_in_units_of_1e_4() -> None:
    # 2 toys with pulls of 1 and 2 of an error of 1e-3 in ln(1.01)
    study = Study(INJECTED, fits_of(np.array([[1.0, 0, 0], [2.0, 0, 0]])))
    table = parameter_table(study, "scale", "")
    assert table.rows[0][2:4] == ("10.10", "15.15 +- 5.05")
    assert "at 0" not in table.header
    assert "at 0" in parameter_table(study, "smearing", "").header


def test_histograms_hold_all_pulls_under_a_gaussian_of_their_number() -> None:
    with styled():
        figure = pulls_figure(STUDY.together, **SIGNS)
    for axes, n in zip(figure.axes, (50, 25), strict=True):
        assert isinstance(axes.patches[0], StepPatch)
        counts, _, _ = axes.patches[0].get_data()
        assert np.sum(counts) == n
        expected = np.asarray(axes.lines[0].get_ydata(), float)
        # 20 points to a unit of the pull, 4 bins to a unit
        assert expected.sum() / 20 == pytest.approx(n / 4, rel=1e-4)


def test_bands_of_means_follow_from_the_number_of_toys() -> None:
    with styled():
        figure = means_figure(
            CATEGORIES.scales, STUDY.statistics, slice(0, 2), PullCriteria(), **SIGNS
        )
    bars = [patch for axes in figure.axes for patch in axes.patches]
    heights = [bar.get_height() for bar in bars if isinstance(bar, Rectangle)]
    assert heights == pytest.approx([2 * 4 / 5, 2 * 4 / 5])


def test_biases_stand_at_their_errors() -> None:
    with styled():
        figure = bias_figure(STUDY.statistics, PullCriteria(), **SIGNS)
    scales, smearings = figure.axes
    assert scales.get_xscale() == smearings.get_xscale() == "log"
    low, high = scales.get_xlim()
    # 1.01 x 10e-4 and 0.99 x 20e-4
    assert low < 10.1
    assert high > 19.8
