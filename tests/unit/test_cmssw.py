"""The reader of the experiment: what it understands, and each of its traps on a bad file."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scalesmear.categories import Window
from scalesmear.cmssw import (
    GAIN,
    STAT,
    SYST,
    CmsswError,
    EnergyScaleCorrection,
    lowered,
    parse_category,
)
from scalesmear.corrections import ScaleTable, SmearingTable
from scalesmear.io.tables import write_scales, write_smearings

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ROW = "10\t19\t0.0\t1.4442\t0.0\t10.0\t0.0\t14000.0\t0\t1.01\t0.002\n"
NEXT = ROW.replace("10\t19", "20\t29").replace("1.01", "1.02")
SMEARINGS = (
    "#category Emean err_Emean rho err_rho phi err_phi\n"
    "absEta_0.0000_1.4442\t6.6\t0.0\t0.01\t0.001\tM_PI_2\tM_PI_2\n"
)


def reader(tmp_path: Path, scales: str = ROW, smearings: str = SMEARINGS) -> EnergyScaleCorrection:
    base = tmp_path / "era"
    (tmp_path / "era_scales.dat").write_bytes(scales.encode())
    (tmp_path / "era_smearings.dat").write_bytes(smearings.encode())
    return EnergyScaleCorrection(base)


def scale(found: EnergyScaleCorrection, run: int = 15, eta: float = 0.5, gain: int = 12) -> float:
    return found.scale(run, 45.0, eta, 0.9, gain)


# ----------------------------------------------------------------------- what we write is read


def write_both(tmp_path: Path) -> tuple[ScaleTable, SmearingTable, EnergyScaleCorrection]:
    rng = np.random.default_rng(3)
    eta: list[tuple[float, float]] = [(0, 1), (1, 1.2), (1.2, 1.4442), (1.566, 2), (2, 2.5)]
    # R9 edges differ between regions of eta, and there are regions with gains
    r9: list[list[float]] = [
        [0, 0.4, 0.833, 0.96, 10],
        [0, 0.5, 0.9725, 10],
        [0, 10],
        [0, 0.94, 10],
        [0, 0.77, 10],
    ]
    windows = [
        Window(eta[n], pair, et, gain)
        for n in range(len(eta))
        for pair in pairwise(r9[n])
        for et in [(0, 39), (39, 50), (50, 14000)]
        for gain in ((12, 6, 1) if n == 1 else (None,))
    ]
    runs = [(1, 2), (3, 99), (100, 150), (151, 151), (160, 200), (201, 999999)]
    rows = [(limits, window) for limits in runs for window in windows]
    values = rng.uniform(0.97, 1.05, len(rows))
    scales = ScaleTable.of(
        [row[0] for row in rows], [row[1] for row in rows], values, values / 3000
    )
    smearing_windows = [Window(e, pair) for e in eta for pair in [(0, 0.96), (0.96, math.inf)]]
    rho = rng.uniform(0.005, 0.03, len(smearing_windows))
    smearings = SmearingTable.of(smearing_windows, rho, rho / 100)
    write_scales(tmp_path / "era_scales.dat", scales)
    write_smearings(tmp_path / "era_smearings.dat", smearings)
    return scales, smearings, EnergyScaleCorrection(tmp_path / "era")


def with_edges(
    rng: np.random.Generator, edges: NDArray[np.float32], top: float, n: int
) -> NDArray[np.float32]:
    """Return positive values half of which lie on an edge or one float32 beside it."""
    on = rng.choice(edges, n).astype(np.float32)
    beside = np.nextafter(on, rng.choice(np.array([-1, 1e9], np.float32), n))
    uniform = rng.uniform(0, top, n).astype(np.float32)
    values = np.choose(rng.integers(0, 4, n), [on, beside, uniform, uniform])
    return np.array(np.maximum(values, 1e-6), np.float32)


def test_the_reader_finds_what_was_written(tmp_path: Path) -> None:
    scales, smearings, found = write_both(tmp_path)
    rng = np.random.default_rng(4)
    n = 3000
    run = rng.choice([1, 2, 3, 50, 99, 100, 125, 150, 151, 155, 160, 200, 201, 999999], n)
    low, high = scales.boxes.low, scales.boxes.high
    edges = [np.unique([low[:, i], high[:, i]]) for i in range(3)]
    abs_eta, r9, et = (
        with_edges(rng, edge, top, n) for edge, top in zip(edges, (2.6, 1.1, 80), strict=True)
    )
    gain = rng.choice([12, 6, 1], n)
    ours = scales.lookup(run, abs_eta, r9, et, gain)
    sigma = smearings.sigma(abs_eta, r9, et)
    assert 0.5 < ours.found.mean() < 0.95
    for i in range(n):
        electron = float(et[i]), float(abs_eta[i]), float(r9[i]), int(gain[i])
        theirs = found.scale(int(run[i]), *electron)
        assert theirs == np.float32(ours.scale[i]), (run[i], electron)
        assert found.sigma(*electron) == pytest.approx(sigma[i], rel=1e-6), electron


def test_errors_are_read_as_statistical(tmp_path: Path) -> None:
    found = reader(tmp_path)
    errors = [found.scale_error(15, 45.0, 0.5, 0.9, bits=bits) for bits in (STAT, SYST, GAIN, 7)]
    assert errors == pytest.approx([0.002, 0, 0, 0.002], rel=1e-6)


def test_upper_edges_are_outside_and_runs_inside(tmp_path: Path) -> None:
    found = reader(tmp_path, ROW + NEXT)
    assert scale(found, eta=1.4442) == 1
    assert scale(found, eta=lowered(1.4442)) == np.float32(1.01)
    assert [scale(found, run) for run in (9, 10, 19, 20, 30)] == [
        np.float32(x) for x in (1, 1.01, 1.01, 1.02, 1)
    ]


# ------------------------------------------------------------------------------ traps of scales


def test_a_gap_gives_one_without_a_word(tmp_path: Path) -> None:
    found = reader(tmp_path)
    assert (scale(found, 999), scale(found, eta=1.5)) == (1, 1)
    assert found.scale_error(999, 45.0, 0.5, 0.9) == 0
    assert found.sigma(45.0, 2.0, 0.9) == 0


@pytest.mark.parametrize("missing", ["scales", "smearings"])
def test_both_files_must_exist(missing: str, tmp_path: Path) -> None:
    reader(tmp_path)
    (tmp_path / f"era_{missing}.dat").unlink()
    with pytest.raises(CmsswError, match=f"era_{missing}.dat does not exist"):
        EnergyScaleCorrection(tmp_path / "era")


def test_both_files_must_hold_a_row(tmp_path: Path) -> None:
    with pytest.raises(CmsswError, match="no scale was read"):
        reader(tmp_path, "")
    with pytest.raises(CmsswError, match="no smearing was read"):
        reader(tmp_path, ROW, SMEARINGS.splitlines()[0] + "\n")


def test_a_comment_at_the_top_empties_the_file(tmp_path: Path) -> None:
    with pytest.raises(CmsswError, match="no scale was read"):
        reader(tmp_path, "#runMin runMax\n" + ROW)


def test_a_comment_further_down_drops_the_rest_silently(tmp_path: Path) -> None:
    found = reader(tmp_path, ROW + "# later\n" + NEXT)
    assert [scale(found, 15), scale(found, 25)] == [np.float32(1.01), 1]


def test_a_header_counts_only_if_it_begins_with_r(tmp_path: Path) -> None:
    assert scale(reader(tmp_path, "runMin runMax\n" + ROW)) == np.float32(1.01)
    with pytest.raises(CmsswError, match="no scale was read"):
        reader(tmp_path, "firstRun lastRun\n" + ROW)


def test_a_run_that_is_no_integer_ends_the_reading_with_a_garbage_row(tmp_path: Path) -> None:
    found = reader(tmp_path, ROW.replace("10\t", "10.0\t", 1) + NEXT)
    assert [category.runs for category in found.scales.categories] == [(10, 0)]
    assert (scale(found, 15), scale(found, 25)) == (1, 1)


def test_a_gain_with_a_point_gives_scale_zero_and_the_scale_as_error(tmp_path: Path) -> None:
    found = reader(tmp_path, ROW.replace("\t0\t1.01", "\t12.0\t1.01"))
    assert scale(found) == 0
    assert found.scale_error(15, 45.0, 0.5, 0.9) == np.float32(1.01)


def test_a_missing_column_is_taken_from_the_next_line(tmp_path: Path) -> None:
    found = reader(tmp_path, ROW.replace("\t0.002", "") + NEXT)
    assert found.scale_error(15, 45.0, 0.5, 0.9) == 20
    assert scale(found, 25) == 1


def test_text_after_the_last_column_is_ignored(tmp_path: Path) -> None:
    found = reader(tmp_path, ROW.replace("\n", " and more\n") + NEXT)
    assert scale(found, 25) == np.float32(1.02)


def test_too_much_text_after_the_last_column_is_read(tmp_path: Path) -> None:
    found = reader(tmp_path, ROW.replace("\n", " " + "x" * 1500 + "\n") + NEXT)
    assert scale(found, 25) == 1


def test_nine_words_in_the_first_line_are_the_old_dialect(tmp_path: Path) -> None:
    # category region runMin runMax scale err errStat errSyst errGain
    found = reader(tmp_path, "absEta_0_1-bad 0 10 19 1.01 9 0.003 0.004 0.012\n")
    assert scale(found) == np.float32(1.01)
    errors = [found.scale_error(15, 45.0, 0.5, 0.9, bits=bits) for bits in (1, 2, 4, 3, 7)]
    # 3-4-5 and 5-12-13 triangles
    assert errors == pytest.approx([0.003, 0.004, 0.012, 0.005, 0.013], rel=1e-6)
    assert found.scale(15, 45.0, 0.5, 0.95) == 1


def test_a_negative_eta_throws(tmp_path: Path) -> None:
    with pytest.raises(CmsswError, match=r"does not hold eta -0.5"):
        scale(reader(tmp_path), eta=-0.5)


def test_gain_zero_matches_every_gain(tmp_path: Path) -> None:
    assert [scale(reader(tmp_path), gain=gain) for gain in (12, 6, 1)] == [np.float32(1.01)] * 3


@pytest.mark.parametrize(
    "second",
    [
        ROW,
        ROW.replace("\t0\t1.01", "\t12\t1.01"),
        ROW.replace("0.0\t1.4442", "0.5\t1.0"),
        ROW.replace("10\t19", "0\t999999"),
    ],
    ids=["twice", "gain beside any gain", "nested window", "nested runs"],
)
def test_a_row_that_equals_another_throws(second: str, tmp_path: Path) -> None:
    with pytest.raises(CmsswError, match="already defined"):
        reader(tmp_path, ROW + second)


def test_an_overlap_of_windows_is_found_at_the_lookup(tmp_path: Path) -> None:
    found = reader(tmp_path, ROW + ROW.replace("0.0\t1.4442", "1.0\t2.0"))
    assert scale(found, eta=0.5) == np.float32(1.01)
    with pytest.raises(CmsswError, match="2 entries"):
        scale(found, eta=1.2)


def test_a_number_is_compared_in_float32(tmp_path: Path) -> None:
    # in float64 this eta is below the edge
    assert np.float32(1.4442 - 1e-9) == np.float32(1.4442)
    assert scale(reader(tmp_path), eta=1.4442 - 1e-9) == 1


def test_a_file_may_end_without_a_line_end(tmp_path: Path) -> None:
    found = reader(tmp_path, (ROW + NEXT).rstrip(), SMEARINGS.rstrip())
    assert scale(found, 25) == np.float32(1.02)
    assert found.sigma(45.0, 0.5, 0.9) == pytest.approx(0.01)


# --------------------------------------------------------------------------- traps of smearings


@pytest.mark.parametrize("ending", [" \n", "\t", "\r\n"])
def test_a_blank_at_the_end_counts_the_last_row_twice(ending: str, tmp_path: Path) -> None:
    with pytest.raises(CmsswError, match="smearing category already defined"):
        reader(tmp_path, smearings=SMEARINGS.rstrip() + ending)


def test_empty_lines_and_comments_are_skipped(tmp_path: Path) -> None:
    found = reader(tmp_path, smearings="\n# one\n" + SMEARINGS + "\n\n# two\n")
    assert len(found.smearings.categories) == 1


def test_smearings_move_by_their_errors(tmp_path: Path) -> None:
    row = "absEta_0.0000_1.4442 6.0 0.0 0.01 0.001 0.5 0.1\n"
    found = reader(tmp_path, smearings=row)

    def sigma(rho: float, phi: float) -> float:
        return rho * math.sqrt(math.sin(phi) ** 2 + (6.0 * math.cos(phi)) ** 2 / 36.0)

    assert found.sigma(36.0, 0.5, 0.9) == pytest.approx(sigma(0.01, 0.5), rel=1e-6)
    assert found.sigma(36.0, 0.5, 0.9, n_rho=1) == pytest.approx(sigma(0.011, 0.5), rel=1e-6)
    assert found.sigma(36.0, 0.5, 0.9, n_phi=-1) == pytest.approx(sigma(0.01, 0.4), rel=1e-6)


@pytest.mark.parametrize(
    ("name", "eta", "r9", "et", "gain"),
    [
        ("absEta_0.0000_1.0000-R9_0.0000_0.9600", (0, 1), (0, 0.96), (0, 9999999), 0),
        ("absEta_1.5660_2.0000-R9_0.9600_10.0000", (1.566, 2), (0.96, 999), (0, 9999999), 0),
        ("absEta_0.0_1.0-R9_0_10-Et_39_50", (0, 1), (0, 999), (39, 50), 0),
        ("absEta_0.0_1.0-R9_0.94", (0, 1), (0.94, 999), (0, 9999999), 0),
        ("-R9_0.0_0.9", (0, 3), (0, 0.9), (0, 9999999), 0),
        ("EBhighEta-gold-gainEle_6", (1, 1.479), (0.94, 999), (0, 9999999), 6),
        ("EElowEta-lowR9", (1.479, 2), (-1, 0.94), (0, 9999999), 0),
        # the substring trap: four texts win over the numbers
        ("absEta_0_1.2", (0, 1), (-1, 999), (0, 9999999), 0),
        ("absEta_0_1.4442-bad", (0, 1), (-1, 0.94), (0, 9999999), 0),
        ("absEta_1_1.4442", (1, 1.479), (-1, 999), (0, 9999999), 0),
        ("absEta_1.566_2.0", (1.479, 2), (-1, 999), (0, 9999999), 0),
        ("absEta_1.566_2.5", (1.479, 2), (-1, 999), (0, 9999999), 0),
        ("absEta_2_2.5", (2, 3), (-1, 999), (0, 9999999), 0),
        # Et and R9 need a dash before them, and an exponent breaks a number
        ("Et_39_50-absEta_0.0_1.0", (0, 1), (-1, 999), (0, 9999999), 0),
        ("R9_0.0_0.9-absEta_0.0_1.0", (0, 1), (-1, 999), (0, 9999999), 0),
        ("absEta_0.0_15e-1", (0, 15), (-1, 999), (0, 9999999), 0),
    ],
)
def test_names_of_categories(
    name: str, eta: tuple[float, float], r9: tuple[float, float], et: tuple[float, float], gain: int
) -> None:
    category = parse_category(name)
    for found, (low, high) in ((category.eta, eta), (category.r9, r9), (category.et, et)):
        assert found == (float(np.float32(low)), lowered(high))
    assert category.gain == gain


def test_a_name_without_numbers_throws() -> None:
    with pytest.raises(CmsswError, match="does not begin with a number"):
        parse_category("absEta_low_high")
