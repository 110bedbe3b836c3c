"""The public table of 2011 becomes an ntuple."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import uproot

from scalesmear.cli import main
from scalesmear.errors import InputError
from scalesmear.io.csv2011 import read_csv
from scalesmear.io.ntuples import open_ntuple

HEADER = (
    "Run,Event,"
    "pt1,eta1,phi1,Q1,type1,sigmaEtaEta1,HoverE1,isoTrack1,isoEcal1,isoHcal1,"
    "pt2,eta2,phi2,Q2,type2,sigmaEtaEta2,HoverE2,isoTrack2,isoEcal2,isoHcal2"
)
TIGHT = "{pt},{eta},{phi},{charge},{type},0.009,0.01,0.0,1.0,1.0"


def electron(pt: float, eta: float, phi: float, charge: int, kind: str = "EB") -> str:
    return TIGHT.format(pt=pt, eta=eta, phi=phi, charge=charge, type=kind)


def write(folder: Path, *rows: str) -> Path:
    path = folder / "Zee.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    return path


def test_the_electron_of_larger_pt_comes_first(tmp_path: Path) -> None:
    row = f"163286,109060857,{electron(30, 0.5, 0.1, 1)},{electron(40, -2, 3, -1, 'EE')}"
    found = read_csv(write(tmp_path, row))
    assert found.events.et.tolist() == [[40, 30]]
    assert found.events.eta.tolist() == [[-2, 0.5]]
    assert found.charge.tolist() == [[-1, 1]]
    assert found.events.run.tolist() == [163286]
    assert found.events.event.tolist() == [109060857]
    # m^2 = 2 30 40 (cosh(2.5) - cos(2.9))
    expected = np.sqrt(2 * 30 * 40 * (np.cosh(2.5) - np.cos(2.9)))
    assert found.events.mass[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("variables", "kind", "bits"),
    [
        ("0.0104,0.039,1.9,3.9,3.9", "EB", 28),
        ("0.0106,0.039,1.9,3.9,3.9", "EB", 12),
        ("0.0104,0.041,1.9,3.9,3.9", "EB", 12),
        ("0.0104,0.039,2.1,3.9,3.9", "EB", 12),
        ("0.0104,0.039,1.9,4.1,3.9", "EB", 12),
        ("0.0104,0.039,1.9,3.9,4.1", "EB", 12),
        ("0.0119,0.049,3.9,9,9", "EB", 12),
        ("0.0121,0.049,3.9,9,9", "EB", 4),
        ("0.0119,0.051,3.9,9,9", "EB", 4),
        ("0.0119,0.049,4.1,9,9", "EB", 4),
        ("0.0289,0.039,1.9,3.9,3.9", "EE", 28),
        ("0.0309,0.039,1.9,3.9,3.9", "EE", 12),
        ("0.0311,0.039,1.9,3.9,3.9", "EE", 4),
    ],
)
def test_identification_is_cut_at_its_limits(
    tmp_path: Path, variables: str, kind: str, bits: int
) -> None:
    # pt 40: isolation limits are 2 and 4 (0.05 and 0.10), calorimeter 4
    row = f"1,2,40,0.5,0.1,1,{kind},{variables},{electron(30, 1.0, 3, -1)}"
    assert read_csv(write(tmp_path, row)).identification[0].tolist() == [bits, 28]


def test_rows_without_a_momentum_are_counted_as_dropped(tmp_path: Path) -> None:
    good = f"1,2,{electron(30, 0.5, 0.1, 1)},{electron(40, 1, 3, -1)}"
    bad = f"1,3,{electron(0, 0.5, 0.1, 1)},{electron(40, 1, 3, -1)}"
    worse = f"1,4,{electron(30, np.nan, 0.1, 1)},{electron(40, 1, 3, -1)}"
    found = read_csv(write(tmp_path, good, bad, worse))
    assert len(found.events) == 1
    assert found.n_dropped == 2


def test_bad_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: CSV file does not exist; download"):
        read_csv(tmp_path / "none.csv")
    path = write(tmp_path, f"1,2,{electron(30, 0, 0, 1)},{electron(40, 1, 3, -1, 'GAP')}")
    with pytest.raises(InputError, match=r"Zee\.csv:2: type2 is 'GAP'; give the table"):
        read_csv(path)
    path = write(tmp_path, f"1,2,{electron(30, 0, 0, 1)}")
    with pytest.raises(InputError, match=r"Zee\.csv:2: pt2 is None"):
        read_csv(path)
    path.write_text("Run,Event\n1,2\n")
    with pytest.raises(InputError, match=r"Zee\.csv: no column 'pt1'"):
        read_csv(path)


def test_the_verb_writes_a_tree_that_can_be_selected_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        f"5,1,{electron(30, 0.5, 0.1, 1)},{electron(40, -1, 3, -1)}",
        f"6,2,{electron(50, 1.5, 0.1, 1)},{electron(40, -1, 3, 1)}",
    ]
    path = write(tmp_path, *rows)
    assert main(["convert-csv", "--input", str(path), "--output", str(tmp_path / "z.root")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("2 candidates written")
    assert [line.split()[0] for line in lines[1:]] == ["1", "2", "1", "0"]
    with open_ntuple(tmp_path / "z.root", "selected", "data", "z.root") as ntuple:
        (found,) = ntuple.candidates()
        assert ntuple.notes == []
    assert found.events.event.tolist() == [1, 2]
    assert found.events.gain.tolist() == [[12, 12]] * 2
    np.testing.assert_array_equal(found.events.eta_sc, found.events.eta)


@pytest.fixture(scope="module")
def cms2011() -> Path:
    folder = os.environ.get("SCALESMEAR_DATA")
    if folder is None:
        pytest.skip("SCALESMEAR_DATA is not set")
    return Path(folder) / "cms2011"


def test_medium_pairs_of_opposite_charge_are_those_of_the_reference(cms2011: Path) -> None:
    found = read_csv(cms2011 / "Zee_Run2011A.csv")
    assert (len(found.events), found.n_dropped) == (18885, 0)
    chosen = ((found.identification & 8) != 0).all(axis=1) & (found.charge.prod(axis=1) == -1)
    events = found.events.where(chosen)
    with uproot.open({cms2011 / "data2011A_medium_os.root": "selected"}) as tree:
        reference = tree.arrays(library="np")
    assert len(events) == len(reference["runNumber"]) == 9453
    np.testing.assert_array_equal(events.run, reference["runNumber"])
    np.testing.assert_allclose(events.mass, reference["invMass_ECAL_ele"], rtol=1e-6)
    energy = events.et * np.cosh(events.eta)
    np.testing.assert_allclose(energy, reference["energy_ECAL_ele"][:, :2], rtol=1e-6)
    np.testing.assert_array_equal(found.identification[chosen], reference["eleID"][:, :2])
    np.testing.assert_array_equal(found.charge[chosen], reference["chargeEle"][:, :2])
