"""CLs and limits of `vhbb limit`, which needs an environment of its own, against other formulas."""

from __future__ import annotations

import json
import math
import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import optimize, stats
from tests.root_histograms import th1, write
from tests.workflow.helpers import REPOSITORY

from vhbb.cli import main

PYTHON = REPOSITORY / ".venvs/vhbb/bin/python"
DRIVER = """
import contextlib, io, json, sys
from vhbb.cli import main
def run(words):
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(sys.stderr):
        return main(words), said.getvalue()
print(json.dumps({name: run(words) for name, words in json.load(sys.stdin).items()}))
"""
"""Runs the command for several cases in one process."""

FACTOR = {
    "ingredients": {
        "cross_section": {"value": 44.837, "unit": "fb"},
        "luminosity": {"value": 140.1, "unit": "fb-1"},
    }
}


@dataclass(frozen=True)
class Case:
    """Numbers of events, and the relative uncertainty of the background."""

    signal: Sequence[float]
    background: Sequence[float]
    data: Sequence[float]
    uncertainty: float = 0.0
    flags: dict[str, str] = field(default_factory=dict)


CASES = {
    "as expected": Case([20], [100], [100]),
    "excess": Case([20], [100], [118]),
    "deficit": Case([20], [100], [85]),
    "weak": Case([0.002], [100], [100]),
    "uncertain": Case([8, 30, 6], [200, 150, 100], [204, 160, 95], uncertainty=0.1),
    "empty bin": Case([20, 5], [100, 0], [100, 0]),
    "unexpected": Case([1, 1], [10, 0], [9, 2]),
    "no signal": Case([0], [10], [9]),
    "much signal": Case([10], [100], [1e5]),
    "background unknown": Case([10], [1e6], [1e6], uncertainty=0.5),
}
N_SIGMA = ("-2", "-1", "0", "+1", "+2")


def words_of(folder: Path, case: Case) -> list[str]:
    """Write the histograms of a case, without statistics of simulation, and return the command."""
    folder.mkdir()

    def hist(contents: Sequence[float]) -> Any:
        return th1(np.pad(np.asarray(contents, float), 1), np.zeros(len(contents) + 2))

    path = write(folder / "h.root", s=hist(case.signal), b=hist(case.background))
    events = write(folder / "d.root", d=th1(np.pad(np.asarray(case.data, float), 1)))
    (folder / "factor.json").write_text(json.dumps(FACTOR))
    flags = {"filedata": events, "histdata": "d", "filebkg": path, "histbkg": "b"}
    flags |= {"filesig": path, "histsig": "s", "factor": folder / "factor.json"}
    flags |= {"signal-uncertainty": "0", "background-uncertainty": str(case.uncertainty)}
    flags |= {"outputfile": folder / "out/limit.png", "plotfile": folder / "out/spectrum.pdf"}
    return [
        "limit",
        *(str(w) for name, v in (flags | case.flags).items() for w in (f"--{name}", v)),
    ]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str, Path]]:
    """Exit code, what was said on stderr, and the folder, of each case."""
    if not PYTHON.exists():
        pytest.skip("`make venvs` makes .venvs/vhbb")
    folder = tmp_path_factory.mktemp("limits")
    commands = {name: words_of(folder / name, case) for name, case in CASES.items()}
    done = subprocess.run(
        [PYTHON, "-W", "ignore::RuntimeWarning", "-c", DRIVER],
        input=json.dumps(commands),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    return {name: (*one, folder / name) for name, one in json.loads(done.stdout).items()}


def limits(results: dict[str, tuple[int, str, Path]], name: str) -> dict[str, Any]:
    code, said, folder = results[name]
    assert code == 0, said
    content: dict[str, Any] = json.loads((folder / "out/limit.json").read_text())
    return content


def asymptotic(q: float, q_asimov: float) -> tuple[float, list[float]]:
    """Return CLs observed, and expected for -2 to 2 standard deviations (arXiv:1007.1727).

    The distributions of q~ have two pieces. Expected: data that are n standard deviations more like
    the signal have sqrt(q) = sqrt(q_A) - n.
    """
    root = math.sqrt(q_asimov)
    if q <= q_asimov:
        above, below = math.sqrt(q), root - math.sqrt(q)
    else:
        above, below = (q + q_asimov) / (2 * root), (q_asimov - q) / (2 * root)
    observed = stats.norm.sf(above) / stats.norm.cdf(below)
    expected = [stats.norm.sf(root - n) / stats.norm.cdf(n) for n in (-2, -1, 0, 1, 2)]
    return float(observed), [float(one) for one in expected]


def counting(mu: float, n: float, s: float, b: float) -> float:
    """Return q~ of one bin, where the best strength is (n - b) / s."""

    def twice_nll(strength: float) -> float:
        mean = strength * s + b
        return 2 * (mean - n * math.log(mean))

    best = (n - b) / s
    return 0.0 if best > mu else twice_nll(mu) - twice_nll(max(best, 0.0))


def limit_of(cls: Callable[[float], float], high: float) -> float:
    return float(optimize.brentq(lambda mu: cls(mu) - 0.05, 1e-3 * high, high))


@pytest.mark.parametrize("name", ["as expected", "excess", "deficit", "weak"])
def test_one_bin_without_uncertainties_is_the_closed_form(
    results: dict[str, tuple[int, str, Path]], name: str
) -> None:
    found, case = limits(results, name), CASES[name]
    s, b, n = case.signal[0], case.background[0], case.data[0]

    def cls(mu: float) -> tuple[float, list[float]]:
        return asymptotic(counting(mu, n, s, b), counting(mu, b, s, b))

    scan, strength = found["scan"], found["signal_strength"]
    for i, mu in enumerate(scan["strength"]):
        observed, expected = cls(mu)
        assert scan["observed"][i] == pytest.approx(observed, abs=2e-4)
        five = [scan["expected"][name][i] for name in N_SIGMA]
        assert five == pytest.approx(expected, abs=2e-4)
    high = scan["strength"][-1]
    observed = limit_of(lambda mu: cls(mu)[0], high)
    assert strength["observed"] == pytest.approx(observed, rel=2e-3)
    for k, n_sigma in enumerate(N_SIGMA):
        limit = limit_of(lambda mu, k=k: cls(mu)[1][k], high)  # type: ignore[misc]
        assert strength["expected"][n_sigma] == pytest.approx(limit, rel=2e-3)
    assert found["cross_section"]["observed"] == pytest.approx(44.837 * strength["observed"])


def test_uncertain_background_is_an_independent_profile_likelihood(
    results: dict[str, tuple[int, str, Path]],
) -> None:
    case = CASES["uncertain"]
    s, b, n = (np.array(values, float) for values in (case.signal, case.background, case.data))
    u = case.uncertainty

    def twice_nll(strength: float, theta: float, events: Any, aux: float) -> float:
        mean = strength * s + b * (1 + u) ** theta
        return float(2 * np.sum(mean - events * np.log(mean)) + (theta - aux) ** 2)

    def profiled(strength: float, events: Any, aux: float) -> tuple[float, float]:
        best = optimize.minimize_scalar(
            lambda theta: twice_nll(strength, theta, events, aux), bracket=(-1, 1)
        )
        return float(best.fun), float(best.x)

    def q_tilde(mu: float, events: Any, aux: float) -> float:
        free = optimize.minimize_scalar(
            lambda strength: profiled(strength, events, aux)[0], bounds=(0, 5), method="bounded"
        )
        best, at = min((float(free.fun), float(free.x)), (profiled(0.0, events, aux)[0], 0.0))
        return 0.0 if at > mu else max(profiled(mu, events, aux)[0] - best, 0.0)

    _, theta0 = profiled(0.0, n, 0.0)  # Asimov data without signal, the nuisance as fitted
    asimov = b * (1 + u) ** theta0
    scan = limits(results, "uncertain")["scan"]
    for i in (3, 7, 11):
        mu = scan["strength"][i]
        observed, expected = asymptotic(q_tilde(mu, n, 0.0), q_tilde(mu, asimov, theta0))
        assert scan["observed"][i] == pytest.approx(observed, abs=2e-3)
        assert scan["expected"]["0"][i] == pytest.approx(expected[2], abs=2e-3)


def test_empty_bins_take_no_part(results: dict[str, tuple[int, str, Path]]) -> None:
    with_bin, without = (limits(results, name) for name in ("empty bin", "as expected"))
    for name in ("observed", "expected"):
        found = with_bin["signal_strength"][name]
        assert found == pytest.approx(without["signal_strength"][name], rel=1e-4)


def test_both_figures_are_there_with_their_record(
    results: dict[str, tuple[int, str, Path]],
) -> None:
    out = results["excess"][2] / "out"
    assert {path.name for path in out.iterdir()} == {"limit.png", "spectrum.pdf", "limit.json"}
    assert (out / "limit.png").read_bytes().startswith(b"\x89PNG")
    assert (out / "spectrum.pdf").read_bytes().startswith(b"%PDF")
    found = limits(results, "excess")
    assert {Path(path).name for path in found["inputs"]} == {"h.root", "d.root", "factor.json"}
    assert {"pyhf", "vhbb", "scalesmear"} <= set(found["provenance"]["versions"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unexpected", "data: bin 2 holds 2 events and no background is expected; fill wider bins"),
        ("no signal", "signal: its sum is not above 0; check the histogram"),
        ("much signal", "is excluded; this is for limits on what is not there"),
        ("background unknown", "did not converge"),
    ],
)
def test_what_has_no_limit_is_told_in_one_line(
    results: dict[str, tuple[int, str, Path]], name: str, message: str
) -> None:
    code, said, folder = results[name]
    assert code == 1
    line = said.splitlines()[-1]  # pyhf logs a failed fit before it
    assert line.startswith(("InputError: ", "FitError: "))
    assert message in line
    assert not list(folder.glob("out/*"))


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (Case([1], [10], [9.5]), "d: does not hold numbers of events; do not scale data"),
        (Case([1], [10], [9], uncertainty=-0.1), "b: its relative uncertainty is -0.1"),
        (Case([1], [10, 2], [9]), "b: has other bins than the data; use the same bins"),
        (Case([1], [10], [9], flags={"outputfile": "x.gif"}), "x.gif: is a figure of unknown kind"),
        (Case([1], [10], [9], flags={"histsig": "S"}), "there is no histogram 'S'; it has b, s"),
        (Case([1], [10], [9], flags={"factor": "gone"}), "gone: record of the factor does not"),
    ],
)
def test_wrong_files_are_told_before_anything_is_fitted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], case: Case, message: str
) -> None:
    assert main(words_of(tmp_path / "case", case)) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(tmp_path.glob("case/out/*"))
