import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scalesmear.categories import CategorySet
from scalesmear.closure import ClosureSettings, close
from scalesmear.errors import InputError
from scalesmear.fit import fit_pairs
from scalesmear.fitsettings import FitSettings
from scalesmear.histogram import MassFiller, MassGrid, PairHistograms
from scalesmear.io.fitfile import (
    SavedClosure,
    SavedFit,
    read_closure,
    read_fit,
    write_closure,
    write_fit,
)

CATEGORIES = CategorySet.from_blocks(
    {
        "scales": [{"abs_eta": [0, 1, 1.4442]}, {"abs_eta": [1.566, 2.5]}],
        "smearings": [{"abs_eta": [0, 1.4442]}, {"abs_eta": [1.566, 2.5]}],
    }
)


def saved_fit() -> SavedFit:
    """Fit three categories, of which the last is empty and so not determined."""
    rng = np.random.default_rng(1)
    filled = []
    for kind in ("data", "sim"):
        filler = MassFiller(kind, MassGrid(), 3)
        filler.add(rng.normal(0, 0.02, 20_000), rng.integers(0, 3, 20_000), np.ones(20_000))
        filled.append(filler.finish())
    settings = FitSettings(min_sim_events=250.0, fixed_smearings=(1,))
    result = fit_pairs(PairHistograms.of(*filled), CATEGORIES.smearing_of, settings)
    return SavedFit("coarse", CATEGORIES, settings, result, {"image": "none"})


def equal(a: Any, b: Any) -> bool:
    if dataclasses.is_dataclass(a):
        names = [field.name for field in dataclasses.fields(a)]
        return type(a) is type(b) and all(equal(getattr(a, n), getattr(b, n)) for n in names)
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and a.dtype.kind == b.dtype.kind and bool(np.all(a == b))
    return bool(a == b)


def test_a_fit_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    fit = saved_fit()
    assert np.isinf(fit.result.scale_error[2])
    write_fit(tmp_path / "fit.json", fit)
    assert equal(read_fit(tmp_path / "fit.json"), fit)


def test_categories_with_few_events_come_back_and_earlier_files_have_none(tmp_path: Path) -> None:
    fit, path = saved_fit(), tmp_path / "fit.json"
    few = {2: "0 data and 0 effective simulated events, fewer than 9"}
    write_fit(path, dataclasses.replace(fit, result=dataclasses.replace(fit.result, few=few)))
    assert read_fit(path).result.few == few
    content = json.loads(path.read_text())
    del content["few"]
    path.write_text(json.dumps(content))
    assert read_fit(path).result.few == {}


def test_a_closure_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    settings = ClosureSettings(tolerance=3.0)
    closure = close(saved_fit().result, np.array([0.01, 0.02]), settings)
    saved = SavedClosure("coarse", CATEGORIES, settings, closure, {"image": "none"})
    write_closure(tmp_path / "closure.json", saved)
    assert equal(read_closure(tmp_path / "closure.json"), saved)


@pytest.mark.parametrize("read", [read_fit, read_closure])
def test_other_json_is_refused(tmp_path: Path, read: Any) -> None:
    (tmp_path / "x.json").write_text('{"name": "coarse"}')
    with pytest.raises(InputError, match=r"x\.json: not a .*make it with scalesmear"):
        read(tmp_path / "x.json")
