"""Our fit beside IJazZ 2.0, on the same events: time and precision.

python benchmarks/bench_ijazz.py [number of categories, 8 or 24] ...

IJazZ comes from PyPI and runs in an environment of its own, `.venvs/ijazz`, which is made here.
It is given the categories of the electrons, ours finds them from eta and R9 while it fills. Both use
one thread, and masses from 80 to 100 GeV.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from _common import print_table
from _samples import category_set, errors, fit_sample, make_sample, pull_widths

if TYPE_CHECKING:
    from _samples import Sample

HERE = Path(__file__).parent
ENVIRONMENT = HERE.parent / ".venvs" / "ijazz"
REQUIREMENTS = HERE / "ijazz" / "requirements.txt"

N_DATA, N_SIM = 1_000_000, 2_000_000
SETS = {8: (4, 2), 24: (6, 4)}
"""Windows in abs(eta) and in R9, by number of categories."""

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "",
}


def make_environment() -> Path | None:
    """Return the interpreter of IJazZ's environment, or say why there is none."""
    python = ENVIRONMENT / "bin" / "python"
    done = ENVIRONMENT / ".installed"
    if done.is_file() and done.read_text() == REQUIREMENTS.read_text():
        return python
    venv.create(ENVIRONMENT, clear=True, with_pip=True)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    installed = subprocess.run(
        [*command, "--no-deps", "--requirement", REQUIREMENTS],
        check=False,
        capture_output=True,
        text=True,
    )
    if installed.returncode:
        last = installed.stderr.strip().splitlines()[-1:] or ["pip failed"]
        print(f"IJazZ is left out: it cannot be installed here ({last[0]})", file=sys.stderr)
        return None
    done.write_text(REQUIREMENTS.read_text())
    return python


def fit_with_ijazz(python: Path, sample: Sample) -> dict[str, Any]:
    """Return what `ijazz/run_fitter.py` writes."""
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name) / "events.npz", Path(name) / "result.json"
        columns = {f"category_{kind}": sample.category(kind) for kind in ("data", "sim")}
        masses = {"mass_data": sample.data.mass, "mass_sim": sample.sim.mass}
        np.savez(source, n=len(sample.scale), **columns, **masses)
        subprocess.run(
            [python, HERE / "ijazz" / "run_fitter.py", source, target],
            env=os.environ | ONE_THREAD,
            check=True,
            capture_output=True,
        )
        out: dict[str, Any] = json.loads(target.read_text())
    return out


def compare(python: Path, n: int) -> None:
    """Print times and precision of both for `n` categories."""
    sample = make_sample(category_set(*SETS[n]), N_DATA, N_SIM)
    theirs = fit_with_ijazz(python, sample)
    ours, wall = fit_sample(sample), fit_sample(sample, clock=time.perf_counter)
    parts = [("ours: fill", wall.fill, ours.fill), ("ours: fit, all errors", wall.fit, ours.fit)]
    parts += [(f"IJazZ: {part}", *pair) for part, pair in theirs["seconds"].items()]
    rows = [(name, f"{clock:.3f}", f"{processor:.3f}") for name, clock, processor in parts]
    mine, others = ours.fill + ours.fit, sum(pair[1] for pair in theirs["seconds"].values())
    by_clock = sum(pair[0] for pair in theirs["seconds"].values()) / (wall.fill + wall.fit)
    rows.append(("ratio", f"{by_clock:.0f}", f"{others / mine:.0f}"))
    size = f"{n} categories, {N_DATA / 1e6:g} M data and {N_SIM / 1e6:g} M simulated events"
    print_table(f"time: {size}, one thread", ("", "clock/s", "processor/s"), rows)
    scale = 1 / np.array(theirs["response"])
    error = scale**2 * np.array(theirs["response_error"])
    smearing, smearing_error = theirs["smearing"], theirs["smearing_error"]
    r = ours.result
    precision = [
        ("ours", *errors(sample, r.scale, r.smearing),
         *pull_widths(sample, r.scale, r.scale_error, r.smearing, r.smearing_error)),
        (f"IJazZ, {theirs['n_epochs']} epochs", *errors(sample, scale, smearing),
         *pull_widths(sample, scale, error, smearing, smearing_error)),
    ]  # fmt: skip
    head = ("", "scale mean", "rms", "smearing rms", "pulls: scale", "smearing")
    print_table(
        "precision: result - truth, times 10000, and in units of its error", head, precision
    )


def main(numbers: list[int]) -> None:
    """Compare, if IJazZ can be installed."""
    python = make_environment()
    for n in numbers if python else ():
        compare(python, n)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [8, 24])
