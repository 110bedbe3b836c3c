"""The selection: events made by hand pass or fail where they should."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import pytest
import uproot

from scalesmear.cli import main as scalesmear
from scalesmear.errors import InputError
from scalesmear.io.genweights import sum_over
from scalesmear.mcsamples import WeightSource
from scalesmear.progress import Progress
from vhbb.cli import main
from vhbb.files import read_events, write_signal
from vhbb.generate import EDGES, signal
from vhbb.skim import pair_mass, select

Object = dict[str, Any]


def lepton(pt: float, phi: float, eta: float = 0.0) -> Object:
    return {"pt": pt, "eta": eta, "phi": phi}


def jet(pt: float, phi: float, eta: float = 0.0, btag: bool = True) -> Object:
    return {"pt": pt, "eta": eta, "phi": phi, "btag": btag}


Z = [lepton(45.5, 0.0), lepton(45.5, math.pi)]  # back to back: mass 91
BB = [jet(62.0, 1.0), jet(62.0, 1.0 + math.pi)]  # mass 124


def passed(leptons: list[Object], jets: list[Object]) -> list[int]:
    """Return how many of one event are left after each cut."""
    # an event with all there is defines the types of lists that may be empty
    full = {"weight": 1.0, "lepton": Z, "jet": BB}
    events = ak.Array([full, {"weight": 2.0, "lepton": leptons, "jet": jets}])
    return [cut.events - 1 for cut in select(events).cut_flow]


@pytest.mark.parametrize(
    ("leptons", "jets", "left"),
    [
        (Z, BB, [1, 1, 1, 1, 1]),
        (Z[:1], BB, [1, 0, 0, 0, 0]),
        ([], [], [1, 0, 0, 0, 0]),
        ([lepton(26.9, 0), lepton(26.9, 3)], BB, [1, 0, 0, 0, 0]),  # harder one below 27
        ([lepton(50, 0), lepton(50, math.pi)], BB, [1, 1, 1, 1, 1]),  # mass 100
        ([lepton(51, 0), lepton(51, math.pi)], BB, [1, 1, 0, 0, 0]),  # mass 102
        (Z, [jet(44, 1), jet(44, 4)], [1, 1, 1, 0, 0]),  # harder one below 45
        (Z, [jet(62, 1, eta=2.6), jet(62, 4)], [1, 1, 1, 0, 0]),  # one outside the tracker
        (Z, [*BB, jet(30, 2, btag=False)], [1, 1, 1, 1, 1]),  # a third jet does no harm
        (Z, [*BB, jet(30, 2)], [1, 1, 1, 1, 0]),  # with a tag it does
        (Z, [jet(62, 1), jet(62, 4, btag=False)], [1, 1, 1, 1, 0]),
    ],
)
def test_where_events_are_dropped(
    leptons: list[Object], jets: list[Object], left: list[int]
) -> None:
    assert passed(leptons, jets) == left


def test_mass_and_weight_of_selected_events() -> None:
    selected = select(ak.Array([{"weight": 2.5, "lepton": Z, "jet": BB}]))
    # back to back at eta 0: m^2 = 2 pt pt (1 + 1)
    assert selected.mass.tolist() == pytest.approx([124])
    assert selected.weight.tolist() == [2.5]
    assert [cut.sum_of_weights for cut in selected.cut_flow] == [2.5] * 5
    apart = ak.Array([[jet(50, 0.3, eta=1.0), jet(50, 0.3, eta=-1.0)]])
    assert pair_mass(apart).tolist() == pytest.approx([math.sqrt(5000 * (math.cosh(2) - 1))])


@pytest.fixture
def daod(tmp_path: Path) -> Path:
    """A file of generated events."""
    write_signal(tmp_path / "recast_daod.root", signal(np.random.default_rng(4), 3000))
    return tmp_path / "recast_daod.root"


def test_events_of_a_file_are_those_that_were_written(daod: Path) -> None:
    events = signal(np.random.default_rng(4), 3000)
    found = read_events(daod)
    assert ak.to_numpy(found.weight).tolist() == events.weight.tolist()
    pt = events.jets.pt[events.jets.seen]
    assert ak.to_numpy(ak.flatten(found.jet.pt)) == pytest.approx(pt, rel=1e-6)
    assert ak.num(found.lepton).tolist() == events.leptons.seen.sum(axis=1).tolist()


def test_histogram_holds_the_selected_events(daod: Path) -> None:
    out = daod.with_name("selected.root")
    assert main(["skim", "--input-file", str(daod), "--output-file", str(out)]) == 0
    selected = select(read_events(daod))
    inside = (selected.mass >= EDGES[0]) & (selected.mass < EDGES[-1])
    with uproot.open(out) as file:
        hist = file["h_mjj"]
        assert hist.values().sum() == pytest.approx(selected.weight[inside].sum())
        assert hist.variances().sum() == pytest.approx((selected.weight[inside] ** 2).sum())
        assert hist.axis().member("fTitle") == "mass of the two b jets [GeV]"
        mean = (hist.values() * hist.axis().centers()).sum() / hist.values().sum()
    assert mean == pytest.approx(122, abs=3)  # the Higgs boson, jets measured 2 % low


def test_sum_of_weights_is_in_the_file_for_those_who_scale(daod: Path, tmp_path: Path) -> None:
    source = WeightSource("histogram", "CutBookkeeper", "sum of weights")
    (found,) = sum_over([daod], source, Progress(1))
    assert found.value == pytest.approx(6813.0258, rel=1e-12)
    (number,) = sum_over([daod], WeightSource("histogram", "CutBookkeeper", "events"), Progress(1))
    assert number.value == 3000
    out = daod.with_name("selected.root")
    assert main(["skim", "--input-file", str(daod), "--output-file", str(out)]) == 0
    words = ["-i", str(out), "-o", str(tmp_path / "s.root"), "-p", str(tmp_path / "s.png")]
    words += ["-c", "44.837", "-k", "1", "-f", "1", "-l", "140.1", "-g", "h_mjj"]
    words += ["-s", "histogram CutBookkeeper[sum of weights]", "--files", str(daod)]
    assert scalesmear(["scale-histogram", *words]) == 0


def test_file_without_jets_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with uproot.recreate(tmp_path / "x.root") as file:
        file.mktree("CollectionTree", {"weight": "f8"})
    with pytest.raises(InputError, match="tree 'CollectionTree' has no branch 'jet_pt'"):
        read_events(tmp_path / "x.root")
    out = tmp_path / "out.root"
    assert main(["skim", "--input-file", str(tmp_path / "y.root"), "--output-file", str(out)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert (
        line == f"InputError: {tmp_path / 'y.root'}: file of events does not exist; check the path"
    )
    assert not out.exists()
