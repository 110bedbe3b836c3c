"""Our fit beside IJazZ 2.0, on the same events: time and precision.

python benchmarks/bench_ijazz.py [number of categories, 8 or 24] ... [--samples N]

IJazZ comes from PyPI and runs in an environment of its own, `.venvs/ijazz`, which is made here.
It is given the categories of the electrons, ours finds them from eta and R9 while it fills. Both use
one thread, and masses from 80 to 100 GeV. Times and errors are those of one sample; how near both
come to the truth is compared over several.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from _common import print_table
from _samples import category_set, fill_sample, fit_sample, make_sample, pull_widths, rms

from scalesmear.fit import fit_pairs

if TYPE_CHECKING:
    from _samples import Sample
    from numpy.typing import ArrayLike

    from scalesmear.fitresult import FitResult
    from scalesmear.likelihood import Floats

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


def fit_with_ijazz(python: Path, sample: Sample, *flags: str) -> dict[str, Any]:
    """Return what `ijazz/run_fitter.py` writes."""
    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name) / "events.npz", Path(name) / "result.json"
        columns = {f"category_{kind}": sample.category(kind) for kind in ("data", "sim")}
        masses = {"mass_data": sample.data.mass, "mass_sim": sample.sim.mass}
        np.savez(source, n=len(sample.scale), **columns, **masses)
        subprocess.run(
            [python, HERE / "ijazz" / "run_fitter.py", source, target, *flags],
            env=os.environ | ONE_THREAD,
            check=True,
            capture_output=True,
        )
        out: dict[str, Any] = json.loads(target.read_text())
    return out


class Misses(NamedTuple):
    """Results minus truth of a sample, times 10000 and in units of the errors of our fit."""

    scale: Floats  # shape (n,), relative
    smearing: Floats
    scale_in_errors: Floats
    smearing_in_errors: Floats

    @classmethod
    def of(cls, sample: Sample, ours: FitResult, scale: ArrayLike, smearing: ArrayLike) -> Misses:
        """Return those of some result for a sample that we fitted, too."""
        of_scale = np.asarray(scale) / sample.scale - 1
        of_smearing = np.asarray(smearing) - sample.smearing
        return cls(
            1e4 * of_scale,
            1e4 * of_smearing,
            of_scale * sample.scale / ours.scale_error,
            of_smearing / ours.smearing_error,
        )


def compare_times(python: Path, n: int) -> tuple[Misses, Misses]:
    """Print times of both and their pulls for a sample with `n` categories; return the misses."""
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
    print_table(
        "pulls of this sample: rms of result - truth in units of its error",
        ("", "scales", "smearings"),
        [
            ("ours", *pull_widths(sample, r.scale, r.scale_error, r.smearing, r.smearing_error)),
            (f"IJazZ, {theirs['n_epochs']} epochs",
             *pull_widths(sample, scale, error, smearing, smearing_error)),
        ],
    )  # fmt: skip
    return Misses.of(sample, r, r.scale, r.smearing), Misses.of(sample, r, scale, smearing)


def misses(python: Path, n: int, seed: int) -> tuple[Misses, Misses]:
    """Return those of ours and of IJazZ for one more sample."""
    sample = make_sample(category_set(*SETS[n]), N_DATA, N_SIM, seed)
    ours = fit_pairs(fill_sample(sample), sample.categories.smearing_of)
    theirs = fit_with_ijazz(python, sample, "--no-errors")
    return (
        Misses.of(sample, ours, ours.scale, ours.smearing),
        Misses.of(sample, ours, 1 / np.array(theirs["response"]), theirs["smearing"]),
    )


def ratio(theirs: Floats, ours: Floats) -> str:
    """Return the ratio of two rms of shape (samples, n), with its error by a bootstrap."""
    drawn = np.random.default_rng(1).integers(0, len(ours), (1000, len(ours)))
    error = (rms(theirs[drawn], (1, 2)) / rms(ours[drawn], (1, 2))).std()
    return f"{rms(theirs) / rms(ours):.2f} +- {error:.2f}"


def compare(python: Path, n: int, n_samples: int) -> None:
    """Print times, and the precision over some samples, of both for `n` categories."""
    pairs = [compare_times(python, n), *(misses(python, n, 1 + k) for k in range(1, n_samples))]
    ours, theirs = (np.array(side).swapaxes(0, 1) for side in zip(*pairs, strict=True))
    rows = [
        (name, *(f"{rms(values):.2f}" for values in of))
        for name, of in (("ours", ours), ("IJazZ", theirs))
    ]
    if n_samples > 1:
        rows.append(("ratio", *map(ratio, theirs, ours)))
    title = (
        f"precision over {n_samples} samples: rms of result - truth, times 10000 and in our errors"
    )
    print_table(title, ("", "scales", "smearings", "scales / error", "smearings / error"), rows)


def main() -> None:
    """Compare, if IJazZ can be installed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("categories", nargs="*", type=int, choices=SETS, metavar="8 or 24")
    parser.add_argument(
        "--samples", type=int, default=16, help="to compare precision (default: 16)"
    )
    args = parser.parse_args()
    python = make_environment()
    for n in (args.categories or SETS) if python else ():
        compare(python, n, args.samples)


if __name__ == "__main__":
    main()
