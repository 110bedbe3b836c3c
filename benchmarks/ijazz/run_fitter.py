"""Fit the events of a file with IJazZ, in its own environment and one thread.

python run_fitter.py events.npz result.json [--no-errors]

The file holds `mass_data`, `category_data` with shape (n, 2), the same of `sim`, and the number of
categories `n`. The settings are those of the configuration in its documentation.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import tensorflow as tf
from ijazz.RegionalFitter import RegionalFitter

if TYPE_CHECKING:
    from collections.abc import Callable

FITTER = {
    "win_z_mc": (70, 110),
    "win_z_dt": (80, 100),
    "min_nevt_region_mc": 100,
    "min_nevt_region_dt": 20,
    "bin_width_dt": "Q",
    "bin_width_mc": 0.1,
    "name_mll": "mass",
}
MINIMISER = {"dnll_tol": 0.01, "max_epochs": 500, "nepoch_print": 0, "batch_size": 200}
LEARNING_RATE = 1e-3


def frame(content: dict[str, Any], kind: str) -> pd.DataFrame:
    """Return the events as the fitter wants them."""
    first, second = content[f"category_{kind}"].T
    return pd.DataFrame({"mass": content[f"mass_{kind}"], "cat1": first, "cat2": second})


def timed(function: Callable[[], Any]) -> tuple[Any, tuple[float, float]]:
    """Return a result, and the time that it took on the clock and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    out = function()
    return out, (time.perf_counter() - clock, time.process_time() - processor)


def main(source: str, target: str, *flags: str) -> None:
    """Fit, and write scales and smearings; errors and times, too, if not asked to leave them out."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    content = dict(np.load(source))
    data, sim, n = frame(content, "data"), frame(content, "sim"), int(content["n"])
    fitter, histograms = timed(lambda: RegionalFitter(data, sim, n_par=n, **FITTER))
    optimiser = tf.keras.optimizers.Adam(learning_rate=LEARNING_RATE)
    values, fit = timed(lambda: fitter.minimize(optimiser, **MINIMISER))
    result = {
        "response": fitter.resp.numpy().tolist(),
        "smearing": np.abs(fitter.reso.numpy()).tolist(),
        "n_epochs": len(values),
    }
    if "--no-errors" not in flags:
        _, hessian = timed(lambda: fitter.covariance(numerical=True, batch_size=-1))
        _, sim_errors = timed(fitter.calc_err_mc)
        result |= {
            "response_error": np.hypot(fitter.eresp, fitter.eresp_mc).tolist(),
            "smearing_error": np.hypot(fitter.ereso, fitter.ereso_mc).tolist(),
            "seconds": {
                "histograms": histograms,
                "fit": fit,
                "errors of data": hessian,
                "errors of simulation": sim_errors,
            },
        }
    Path(target).write_text(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
