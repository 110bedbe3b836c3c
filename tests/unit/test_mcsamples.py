"""The table of samples: complete, said once, and clear about what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from scalesmear.errors import InputError
from scalesmear.io.samplestable import read_sample
from scalesmear.mcsamples import merged
from scalesmear.normalisation import Given

TABLE = """
luminosity: 140.1 fb-1
luminosity_uncertainty: 0.83 %
samples:
  vhbb:
    files: [vhbb/*.root]
    cross_section: 44.837 fb
    includes: H->bb branching fraction 0.58
    k_factor: 1
    filter_eff: 1
    sum_of_weights: {from: Runs}
    source: the lesson
    uncertainties: {cross_section: 5 %, k_factor: 0.02}
  other:
    cross_section: 1 pb
    includes: nothing
    k_factor: 1.2
    filter_eff: 0.5
    sum_of_weights: 1000
    source: nobody
"""


def read(folder: Path, text: str = TABLE, name: str = "vhbb") -> dict[str, Given]:
    (folder / "samples.yml").write_text(text)
    return dict(read_sample(folder / "samples.yml", name).values)


def test_a_sample_has_all_its_numbers_and_where_they_stand(tmp_path: Path) -> None:
    values = read(tmp_path)
    file = tmp_path / "samples.yml"
    assert values["cross_section"] == Given("44.837 fb", f"{file}: samples.vhbb.cross_section")
    assert values["luminosity"] == Given("140.1 fb-1", f"{file}: luminosity")
    assert {name: given.text for name, given in values.items()} == {
        "luminosity": "140.1 fb-1",
        "luminosity_uncertainty": "0.83 %",
        "cross_section": "44.837 fb",
        "k_factor": "1",
        "filter_eff": "1",
        "sum_of_weights": "Runs",
        "cross_section_uncertainty": "5 %",
        "k_factor_uncertainty": "0.02",
    }
    sample = read_sample(file, "vhbb")
    assert [given.text for given in sample.files] == ["vhbb/*.root"]
    assert sample.includes == "H->bb branching fraction 0.58"
    assert read(tmp_path, name="other")["sum_of_weights"].text == "1000"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    k_factor: 1\n", "", "samples.vhbb: key 'k_factor' is missing; a number; 1 if there"),
        ("source: the", "sourc: the", "samples.vhbb: unknown key 'sourc'; did you mean 'source'?"),
        ("k_factor: 1\n", "k_factor: one\n", 'vhbb.k_factor: "one" is not allowed; write a number'),
        ("k_factor: 1\n", "k_factor: 1e0\n", "YAML wants a number like 1.0e+6"),
        ("44.837 fb", "44.837", "vhbb.cross_section: 44.837 is not allowed; write a number with"),
        ("44.837 fb", '"44.837"', 'cross_section: "44.837" is not allowed; write a number with'),
        ("{from: Runs}", "{form: Runs}", "vhbb.sum_of_weights: unknown key 'form'; did you mean"),
        ("{from: Runs}", "{}", "vhbb.sum_of_weights: key 'from' is missing; Runs, histogram"),
        ("[vhbb/*.root]", "[]", "vhbb.files: [] is not allowed"),
        ("filter_eff: 0.5", "filter_eff: true", "samples.other.filter_eff: true is not allowed"),
        ("  other:", "  vhbb:", "key 'vhbb' is written twice"),
        (
            "    filter_eff: 1\n",
            "    filter_eff: 1\n    filter_eff: 1\n",
            "'filter_eff' is written",
        ),
        ("samples:", "samples", "not YAML"),
        (TABLE, "- a\n", "is not allowed"),
        (TABLE, "samples: {}", "samples: {} is not allowed; write a block for each sample"),
    ],
)
def test_a_wrong_table_is_told_in_one_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in TABLE
    with pytest.raises(InputError) as error:
        read(tmp_path, TABLE.replace(old, new, 1))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_unknown_sample_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no sample 'vhb'; did you mean 'vhbb'"):
        read(tmp_path, name="vhb")
    with pytest.raises(InputError, match="no sample 'dy'; it has vhbb, other"):
        read(tmp_path, name="dy")


def test_a_number_given_twice_is_refused(tmp_path: Path) -> None:
    read(tmp_path)
    sample = read_sample(tmp_path / "samples.yml", "vhbb")
    assert merged({}, sample) == sample.values
    for name in ("cross_section", "luminosity", "cross_section_uncertainty"):
        with pytest.raises(InputError, match=f"--x: is also given in .*{name.split('_')[0]}"):
            merged({name: Given("1", "--x")}, sample)


def test_a_missing_ingredient_is_refused() -> None:
    names = ("filter_eff", "k_factor", "cross_section", "luminosity", "sum_of_weights")
    given = {name: Given("1", name) for name in names}
    assert merged(given, None) == given
    for name in names:
        rest = {key: value for key, value in given.items() if key != name}
        with pytest.raises(InputError, match=f"--{name.replace('_', '-')}: is missing"):
            merged(rest, None)
