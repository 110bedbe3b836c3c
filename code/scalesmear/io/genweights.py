"""Sums of generator weights of a data set, read from its files: NanoAOD, bookkeeping, ntuples."""

from __future__ import annotations

import glob
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.errors import InputError
from scalesmear.io.rootfile import damage_is_an_input_error, open_root, tree_of
from scalesmear.io.roothistograms import read_histograms

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from scalesmear.mcsamples import WeightSource
    from scalesmear.normalisation import Given
    from scalesmear.progress import Progress
    from scalesmear.roothistogram import RootHistogram

CHUNK_SIZE = 1 << 20
"""Entries read at a time."""

RUNS = "Runs"
WEIGHT = "mcGenWeight"


@dataclass(frozen=True)
class FileSum:
    """What one file adds to the sum.

    Attributes
    ----------
    path : str
    what : str
        What was summed, such as ``Runs.genEventSumw``.
    value : float
    """

    path: str
    what: str
    value: float


def files_of(patterns: Sequence[Given], folder: Path) -> tuple[Path, ...]:
    """Return the files that patterns such as ``dy/*.root`` match, each once, in order.

    Parameters
    ----------
    patterns : sequence of Given
    folder : path
        Where relative patterns start.

    Raises
    ------
    InputError
        If a pattern matches no file.
    """
    found: dict[Path, Path] = {}
    for pattern in patterns:
        matched = sorted(
            path
            for name in glob.glob(str(folder / pattern.text))  # noqa: PTH207 - may be absolute
            if (path := Path(name)).is_file()
        )
        if not matched:
            problem = f"no file matches {folder / pattern.text}"
            raise InputError(pattern.where, problem, f"paths start at {folder}")
        found |= {path.resolve(): path for path in matched if path.resolve() not in found}
    return tuple(found.values())


def sum_over(
    files: Sequence[Path], source: WeightSource, progress: Progress
) -> tuple[FileSum, ...]:
    """Return what each file of a data set adds to the sum of weights, or of events.

    Raises
    ------
    InputError
        If a file lacks what is to be summed, or has another quantity than the first one, or the sum
        is not finite.
    """
    sums: list[FileSum] = []
    for path in files:
        found = _sum_of_file(path, source, progress)
        if not math.isfinite(found.value):
            raise InputError(path, f"the sum of {found.what} is {found.value}", "mend the file")
        if sums and found.what != sums[0].what:
            problem = f"has {found.what}, but {sums[0].path} has {sums[0].what}"
            raise InputError(path, problem, "give files of one kind")
        sums.append(found)
        progress.advance(files=1)
    return tuple(sums)


def _sum_of_file(path: Path, source: WeightSource, progress: Progress) -> FileSum:
    if source.kind == "histogram":
        return _of_histogram(path, source)
    with open_root(path) as file:
        if source.kind == "Runs":
            return _of_runs(file, path, "genEventSumw")
        if source.kind == "mcGenWeight":
            return _of_tree(file, path, source.tree, progress)
        if _has_tree(file, RUNS):
            return _of_runs(file, path, "genEventCount")
        tree = tree_of(file, path, source.tree)
        return FileSum(str(path), f"entries of {source.tree}", float(tree.num_entries))


def _has_tree(file: Any, name: str) -> bool:
    """Tell whether a file has a tree of that name."""
    return bool(file.classnames(cycle=False).get(name) == "TTree")


def _of_runs(file: Any, path: Path, branch: str) -> FileSum:
    """Sum a branch of NanoAOD's `Runs`; some older files have its name with an underscore."""
    tree = tree_of(file, path, RUNS)
    name = next((name for name in (branch, f"{branch}_") if name in tree), None)
    if name is None:
        problem = f"tree {RUNS} has no {branch}"
        raise InputError(path, problem, "only files of simulation have it; check the list of files")
    with damage_is_an_input_error(path):
        values = tree[name].array(library="np")
    return FileSum(str(path), f"{RUNS}.{branch}", math.fsum(values.tolist()))


def _of_tree(file: Any, path: Path, name: str, progress: Progress) -> FileSum:
    """Sum the weights of the events of an ntuple."""
    tree = tree_of(file, path, name)
    if WEIGHT not in tree:
        raise InputError(path, f"tree {name!r} has no branch {WEIGHT!r}", "is it simulation?")
    numbers = (
        number for chunk in _chunks(tree, path, progress) for number in chunk.astype(float).tolist()
    )
    try:
        total = math.fsum(numbers)
    except (ValueError, OverflowError):  # of infinities of both signs, or beyond doubles
        total = math.nan
    return FileSum(str(path), f"{name}.{WEIGHT}", total)


def _chunks(tree: Any, path: Path, progress: Progress) -> Iterator[NDArray[np.float32]]:
    with damage_is_an_input_error(path):
        for arrays in tree.iterate([WEIGHT], step_size=CHUNK_SIZE, library="np"):
            progress.advance(events=len(arrays[WEIGHT]))
            yield arrays[WEIGHT]


def _of_histogram(path: Path, source: WeightSource) -> FileSum:
    """Take one bin of a bookkeeping histogram."""
    (histogram,) = read_histograms(path, [source.histogram]).histograms
    if histogram.n_dimensions != 1 or histogram.profile is not None:
        problem = f"{source.histogram!r} is a {histogram.class_name}"
        raise InputError(path, problem, "bookkeeping takes a TH1")
    number = _bin_number(histogram, path, source.bin)
    return FileSum(
        str(path), f"{source.histogram}[{source.bin}]", float(histogram.contents[number])
    )


def _bin_number(histogram: RootHistogram, path: Path, wanted: str) -> int:
    """Return the number of a bin, the first one 1, of which the number or the label is given."""
    axis = histogram.axes[0]
    by_label = {label: number for number, label in axis.labels.items()}
    if wanted in by_label:
        return by_label[wanted]
    where = f"{path}: {histogram.path}"
    if not wanted.isdecimal():
        labels = ", ".join(by_label) if by_label else "none"
        raise InputError(where, f"no bin has the label {wanted!r}", f"its labels: {labels}")
    if not 1 <= int(wanted) <= axis.n_bins:
        raise InputError(where, f"there is no bin {wanted}", f"its bins are 1 to {axis.n_bins}")
    return int(wanted)
