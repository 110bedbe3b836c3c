"""Read all that the factor to luminosity is made of: flags, a table of samples, sums over files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scalesmear.errors import InputError
from scalesmear.io.genweights import files_of, sum_over
from scalesmear.mcsamples import TREE, UNCERTAINTY, merged, parse_source
from scalesmear.normalisation import (
    INGREDIENTS,
    Given,
    Normalisation,
    Quantity,
    parse_quantity,
    parse_uncertainty,
)
from scalesmear.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scalesmear.io.genweights import FileSum
    from scalesmear.mcsamples import McSample


@dataclass(frozen=True)
class Ingredients:
    """The factor, and what else is worth a record."""

    normalisation: Normalisation
    sample: McSample | None
    sums: tuple[FileSum, ...]
    normalised_by: str


@dataclass(frozen=True)
class DataSet:
    """Files, and the tree of ntuples, that flags name to read a sum of weights from.

    Attributes
    ----------
    files : tuple of Given
        Patterns that start at the current folder.
    tree : str or None
    folder_of_table : path
        Where the patterns in a table of samples start.
    """

    files: tuple[Given, ...] = ()
    tree: str | None = None
    folder_of_table: Path = Path()


def read_ingredients(
    flags: Mapping[str, Given], sample: McSample | None, data_set: DataSet
) -> Ingredients:
    """Read all that the factor is made of, from flags, table and files of the data set.

    Parameters
    ----------
    flags : mapping
        Ingredients and uncertainties by name.
    sample : McSample or None
        What a table says.
    data_set : DataSet

    Raises
    ------
    InputError
        If something is missing, given twice, or not what it should be.
    """
    given = merged(flags, sample)
    sums = _sums(given["sum_of_weights"], sample, data_set)
    quantities = {
        name: parse_quantity(name, given[name])
        for name in INGREDIENTS
        if name != "sum_of_weights" or sums is None
    }
    if sums is not None:
        quantities["sum_of_weights"] = sums.total
    uncertainties = {
        ingredient: parse_uncertainty(given[name], quantities[ingredient])
        for name, ingredient in UNCERTAINTY.items()
        if name in given
    }
    return Ingredients(
        Normalisation(**quantities, uncertainties=uncertainties),
        sample,
        () if sums is None else sums.files,
        "weights" if sums is None else sums.normalised_by,
    )


@dataclass(frozen=True)
class Sums:
    """A sum over the files of a data set."""

    total: Quantity
    files: tuple[FileSum, ...]
    normalised_by: str


def _sums(given: Given, sample: McSample | None, data_set: DataSet) -> Sums | None:
    """Read the sum of weights from files; None if it is given as a number."""
    patterns, start, tree = _chosen(sample, data_set)
    source = parse_source(given, tree)
    if source is None:
        if data_set.files:
            raise InputError("--files", f"the sum is a number in {given.where}", "leave one out")
        return None
    if not patterns:
        raise InputError(given.where, "no files of the data set are named", "give --files")
    paths = files_of(patterns, start)
    sums = sum_over(paths, source, Progress(len(paths)))
    where = f"{given.where}: {given.text}"
    total = Quantity("sum_of_weights", math.fsum(one.value for one in sums), "", where)
    return Sums(total, sums, "events" if source.counts_events else "weights")


def _chosen(sample: McSample | None, data_set: DataSet) -> tuple[tuple[Given, ...], Path, str]:
    """Return the patterns of the files, where they start, and the tree."""
    if sample is None:
        return data_set.files, Path(), data_set.tree or TREE
    for flag, value, listed in (
        ("--files", data_set.files, sample.files),
        ("--tree", data_set.tree, sample.tree != TREE),
    ):
        if value and listed:
            problem = f"is also given for {sample.name} in the table of samples"
            raise InputError(flag, problem, "leave one of them out")
    start = data_set.folder_of_table if sample.files else Path()
    return sample.files or data_set.files, start, data_set.tree or sample.tree


def resolved_table(ingredients: Ingredients) -> dict[str, Any]:
    """Return the content of a samples.yml with these numbers alone, sums of files included.

    Raises
    ------
    ValueError
        If they do not come from a table.
    """
    found, sample = ingredients.normalisation, ingredients.sample
    if sample is None:
        raise ValueError("the ingredients do not come from a table")
    uncertain = {name: one.given for name, one in found.uncertainties.items()}
    of_luminosity = uncertain.pop("luminosity", None)
    read = f"; sum of weights: {found.sum_of_weights.where}" if ingredients.sums else ""
    return {
        "luminosity": str(found.luminosity),
        **({"luminosity_uncertainty": of_luminosity} if of_luminosity else {}),
        "samples": {
            sample.name: {
                "label": sample.label,
                "cross_section": str(found.cross_section),
                "includes": sample.includes,
                "k_factor": found.k_factor.value,
                "filter_eff": found.filter_eff.value,
                "sum_of_weights": found.sum_of_weights.value,
                "source": sample.source + read,
                **({"uncertainties": uncertain} if uncertain else {}),
            }
        },
    }
