"""Profiles of parameters, the verb that makes them, and the bootstrap as a check of errors."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tests.mass_toys import MassToy, random_toy

from scalesmear.bootstrap import bootstrap, fluctuate
from scalesmear.categories import CategorySet
from scalesmear.cli import main
from scalesmear.errors import FitError
from scalesmear.fit import fit_pairs
from scalesmear.fitresult import FitResult
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import PairHistograms
from scalesmear.io.fitfile import SavedFit, write_fit
from scalesmear.io.histogramfile import write_histograms
from scalesmear.profile import Profile, profile
from scalesmear.report.profile_figure import profile_figure
from scalesmear.report.style import styled

SETTINGS = FitSettings(fixed_scales=(3,))
EDGES = [{"abs_eta": [0, 1, 1.4442]}, {"abs_eta": [1.566, 2, 2.5]}]
CATEGORIES = CategorySet.from_blocks({"scales": EDGES, "smearings": EDGES})


@cache
def toy() -> MassToy:
    return random_toy(8, 4, 4, smearings=(0.006, 0.02))


@cache
def histograms() -> PairHistograms:
    return toy().draw(np.random.default_rng(9), 60_000, 60_000)


@cache
def fitted() -> FitResult:
    start = (np.array([1, 1, 1, toy().scale[3]]), np.full(4, 0.01))
    return fit_pairs(histograms(), toy().smearing_of, SETTINGS, start)


@pytest.mark.parametrize("parameter", [1, 4, 6])
def test_a_profile_is_zero_at_the_result_and_one_at_its_error(parameter: int) -> None:
    r = fitted()
    found = profile(histograms(), toy().smearing_of, SETTINGS, r, parameter)
    # the best value is a point of the scan
    assert np.abs(found.z).min() < 0.02
    assert np.all(np.diff(found.z) < 0)
    error = float(np.sqrt(r.covariance[parameter, parameter]))
    low, high = (np.log(e) if parameter < 4 else e**2 for e in found.interval)
    assert (high - low) / 2 == pytest.approx(error, rel=0.06)
    assert found.interval[0] < found.best < found.interval[1] < found.upper


def test_a_smearing_at_zero_has_an_interval_from_zero() -> None:
    narrow = random_toy(3, 2, 2, smearings=(0.0, 0.0))
    h = narrow.draw(np.random.default_rng(5), 20_000, 40_000)
    r = fit_pairs(h, narrow.smearing_of)
    j = int(np.argmin(r.smearing))
    found = profile(h, narrow.smearing_of, FitSettings(), r, 2 + j)
    assert found.values[0] == 0
    assert found.interval[0] == 0
    assert 0 < found.interval[1] < found.upper
    assert found.z[0] < -0.5  # the data want less than nothing
    assert found.ratio[0] == 0
    assert found.one_sided
    # the limit of the fit takes no profit from that
    assert found.upper < 1.02 * r.smearing_upper[j]


@pytest.mark.parametrize("parameter", [1, 4])
def test_the_curve_is_one_at_the_ends_of_the_interval(parameter: int) -> None:
    found = profile(histograms(), toy().smearing_of, SETTINGS, fitted(), parameter, n_points=41)
    curve = np.interp(found.interval, found.values, found.ratio)
    assert curve == pytest.approx([1, 1], abs=0.03)
    assert found.ratio.min() < 1e-3
    assert found.parabola(np.array(found.interval)) == pytest.approx([1, 1], abs=0.15)
    assert not found.one_sided


@pytest.mark.parametrize("q_error", [0.4e-4, 1.5e-4])
def test_the_parabola_of_a_smearing_is_one_in_its_square(q_error: float) -> None:
    # the error of a smearing is half the length of sqrt(q +- error(q)), the lower end at least 0
    q = 1e-4
    low, high = np.sqrt(max(q - q_error, 0)), np.sqrt(q + q_error)
    none = np.zeros(2)
    made = Profile("smearing 0", np.sqrt(q), (high - low) / 2, none, none, (low, high), 1.0)
    assert made.parabola(np.array([high, np.sqrt(q)])) == pytest.approx([1, 0], abs=1e-12)
    assert made.one_sided == (q_error > q)


def test_the_figure_shows_curve_interval_and_limit() -> None:
    values = np.linspace(0, 0.02, 9)
    z = 3 * (0.6 - (values / 0.01) ** 2)
    found = Profile("smearing 0", 0.0077, 0.004, values, z, (0.0, 0.009), 0.0107)
    with styled():
        axes = profile_figure(found, title="smearing of fine, all", era="2026").axes[0]
    labels = axes.get_legend_handles_labels()[1]
    assert {"68 % interval", "others fitted again", "95 % upper limit"} <= set(labels)
    assert axes.get_title(loc="left") == "smearing of fine, all: < 0.01070 (95 %)"
    curve = np.array(axes.lines[0].get_xydata())
    assert curve[:, 1].min() == pytest.approx(0, abs=0.02)
    assert np.interp(values, *curve.T) == pytest.approx(z**2, abs=0.2)


def test_a_fixed_parameter_has_no_profile() -> None:
    with pytest.raises(FitError, match="scale 3 is fixed"):
        profile(histograms(), toy().smearing_of, SETTINGS, fitted(), 3)


def test_bootstrap_agrees_with_the_errors() -> None:
    found = bootstrap(histograms(), toy().smearing_of, SETTINGS, fitted(), 40)
    assert found.n_failed == 0
    # 7 free parameters from 40 replicas: each has an error of 1 / sqrt(80) = 11 %
    assert found.ratio == pytest.approx(1, abs=4 * 0.11 / np.sqrt(7) + 0.02)
    assert found.scale_error[3] < 1e-12  # fixed
    assert found.scale_error[:3] == pytest.approx(fitted().scale_error[:3], rel=0.5)
    again = bootstrap(histograms(), toy().smearing_of, SETTINGS, fitted(), 2)
    other = bootstrap(histograms(), toy().smearing_of, SETTINGS, fitted(), 2)
    assert np.array_equal(again.scale_error, other.scale_error)


def test_replicas_scatter_as_the_contents_say() -> None:
    h = histograms()
    drawn = [fluctuate(h, np.random.default_rng(seed)) for seed in range(30)]
    data = np.array([d.data.sum() for d in drawn])
    assert abs(data.mean() - h.data.sum()) < 4 * np.sqrt(h.data.sum() / 30)
    assert data.std(ddof=1) == pytest.approx(np.sqrt(h.data.sum()), rel=4 / np.sqrt(58))
    sim = np.array([d.sim.sum() for d in drawn])
    assert sim.std(ddof=1) == pytest.approx(np.sqrt(h.sim_variance.sum()), rel=4 / np.sqrt(58))


def test_too_few_replicas_are_an_error() -> None:
    with pytest.raises(FitError, match="only 1 of 1 bootstrap replicas"):
        bootstrap(histograms(), toy().smearing_of, SETTINGS, fitted(), 1)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    rng = np.random.default_rng(9)
    write_histograms(tmp_path / "data.npz", toy().data(rng, 30_000))
    write_histograms(tmp_path / "sim.npz", toy().sim(rng, 30_000))
    h = PairHistograms.of(
        toy().data(np.random.default_rng(9), 30_000), toy().sim(np.random.default_rng(10), 30_000)
    )
    fit = fit_pairs(h, toy().smearing_of)
    write_fit(tmp_path / "fit.json", SavedFit("fine", CATEGORIES, FitSettings(), fit, {}))
    return tmp_path


def scan(files: Path, *parameter: str, points: str = "7") -> int:
    histograms = [str(files / f"{kind}.npz") for kind in ("data", "sim")]
    flags = ["--fit", str(files / "fit.json"), "--histograms", *histograms, "--points", points]
    return main(["scan", *flags, "--parameter", *parameter, "--output", str(files / "scan")])


def test_the_verb_writes_scan_and_figure(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert scan(files, "smearing", CATEGORIES.smearings[2].label) == 0
    content = json.loads((files / "scan" / "scan.json").read_text())
    assert content["parameter"] == "smearing 2"
    assert content["category"]["abs_eta"] == [1.566, 2.0]
    assert len(content["values"]) == len(content["z"]) >= 7
    assert (files / "scan" / "scan.png").read_bytes().startswith(b"\x89PNG")
    assert (files / "scan" / "scan.pdf").read_bytes().startswith(b"%PDF")
    assert "68 % from" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("parameter", "points", "message"),
    [
        (("scale", "9"), "7", "fine has no scale '9'; give a number below 4 or a name such as"),
        (("gain", "0"), "7", "'gain' is neither; write scale or smearing"),
        (("scale", "0"), "1", "1 values up to 4 errors are no scan"),
    ],
)
def test_the_verb_refuses_what_is_wrong(
    files: Path,
    parameter: tuple[str, str],
    points: str,
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert scan(files, *parameter, points=points) == 1
    assert message in capsys.readouterr().err
