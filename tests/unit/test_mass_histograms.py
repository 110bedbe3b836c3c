"""The mass of all pairs as ROOT histograms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import uproot

from scalesmear.cli import main
from scalesmear.histogram import FINE_PER_BIN, MassFiller, MassGrid
from scalesmear.io.histogramfile import write_histograms
from scalesmear.kinematics import Z_MASS

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

GRID = MassGrid.of_width((80.0, 100.0), 0.5, (60.0, 120.0))
WEIGHT = 3.0


def written(
    folder: Path, kind: str, number: int, mass: NDArray[np.float64], *, edge: int = 0
) -> str:
    """Write the histograms of a job with events spread over two pairs of categories."""
    filler = MassFiller(kind, GRID, 2, exponent=2)  # type: ignore[arg-type]
    pair = (np.arange(len(mass)) % 2).astype(np.int32)
    filler.add(np.log(mass / Z_MASS), pair, np.full(len(mass), WEIGHT) if kind == "sim" else None)
    path = folder / f"{kind}-{number}-{edge}.npz"
    write_histograms(path, filler.finish())
    return str(path)


def test_histograms_hold_the_events_of_all_jobs_and_pairs(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    data, sim = rng.uniform(80, 100, 500), rng.uniform(80, 100, 800)
    jobs = [
        written(tmp_path, kind, number, part)
        for kind, mass in (("data", data), ("sim", sim))
        for number, part in enumerate(np.split(mass, [300]))
    ]
    output = tmp_path / "mass.root"
    assert main(["mass-histograms", "--histograms", *jobs, "--output", str(output)]) == 0
    with uproot.open(output) as file:
        assert file.keys(cycle=False) == ["data", "simulation"]
        found, simulated = file["data"], file["simulation"]
    edges = found.axis().edges()
    inside = (edges[:-1] > 79.9) & (edges[1:] < 100.1)
    assert inside.sum() == 40
    np.testing.assert_array_equal(found.values(), np.histogram(data, edges)[0])
    # simulation is shared between the two nearest fine bins: compare its sum and its mean
    assert simulated.values().sum() == pytest.approx(800 * WEIGHT)
    assert simulated.variances().sum() == pytest.approx(800 * WEIGHT**2, rel=1e-6)
    mean = np.average(simulated.axis().centers(), weights=simulated.values())
    assert mean == pytest.approx(sim.mean(), abs=0.05)
    assert simulated.member("fTsumwx") / simulated.member("fTsumw") == pytest.approx(mean)


def test_fine_bins_that_fill_no_bin_go_to_under_and_overflow() -> None:
    bins = GRID.bins()
    fine = np.arange(1.0, GRID.n_fine + 1)
    sums = bins.add_up(fine)
    assert sums.sum() == fine.sum()
    assert sums[0] == fine[: bins.skip].sum()
    assert bins.skip == GRID.n_below % FINE_PER_BIN
    assert bins.edges[bins.in_window.argmax()] == pytest.approx(80.0)
    assert len(sums) == bins.n + 2
