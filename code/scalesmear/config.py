"""The values of inputs.yml: read, checked, and split into the settings of each stage.

The JSON schema says what each key means, what it may be, and what it is if it is left out; nothing
else in the package knows a default. `Inputs` then checks what a schema cannot say.
"""

from __future__ import annotations

from dataclasses import InitVar, asdict, dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from scalesmear.cells import FIDUCIAL, Boxes, Window, uncovered
from scalesmear.chain import FITS, Chain, make_chain
from scalesmear.closure import ClosureSettings
from scalesmear.errors import InputError
from scalesmear.fill import FillSettings
from scalesmear.fitplan import FitPlan, PairSelector, Selector
from scalesmear.fitsettings import FitSettings
from scalesmear.reweight import ReweightSettings
from scalesmear.runs import RunBinSettings
from scalesmear.schema import Schema, complete, load, table_of_keys
from scalesmear.selection import SelectSettings
from scalesmear.stability import StabilitySettings
from scalesmear.validation import PlotSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scalesmear.binning import Rule

MARGIN = 0.03
"""Scaling and smearing move events across the window by this fraction of the mass, at most."""

Pair = tuple[float, float]


def schema() -> Schema:
    """Return the JSON schema of inputs.yml."""
    return load("inputs")


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """All values of inputs.yml, complete and sensible; the schema says what each one means.

    Raises
    ------
    InputError
        If values do not go together.
    """

    samples: str
    era: str
    label: str | None
    truth: str | None
    sample_table: str | None
    sample_name: str | None
    files_per_job: int
    abs_eta_max: float
    gap: Pair
    et_min: Pair
    et_margin: float
    mass_range: Pair
    id_bit: int
    charge: Literal["opposite", "any"]
    pileup_weights: str | None
    write_tsv: bool
    min_events_per_run_bin: int
    stability_regions: tuple[Pair, ...]
    stability_target: Literal["z_mass", "simulation"]
    stability_min_events: int
    reweight: bool
    reweight_min_events: int
    mass_window: Pair
    bin_width: float
    fits: tuple[str, ...]
    coarse_categories: str
    fine_categories: str
    fine_after: str | None
    et_categories: str
    et_after: str | None
    gain_categories: str
    gain_after: str | None
    stochastic_categories: str
    stochastic_after: str | None
    final: str | None
    min_sim_events: float
    min_data_events: float
    min_category_events: float
    low_statistics: Literal["fix", "merge", "flag"]
    binning: Rule
    n_bins: int
    minimiser: Literal["newton", "L-BFGS-B"]
    start: Literal["default", "scan", "random", "file"]
    n_starts: int
    start_file: str | None
    fixed_scales: tuple[Mapping[str, Any], ...]
    fixed_smearings: tuple[Mapping[str, Any], ...]
    ignored_pairs: tuple[Mapping[str, Any], ...]
    tail_fraction: float
    tail_width: float
    bootstrap: int
    systematics: str | None
    systematics_categories: str
    closure_tolerance: float
    closure_floor: float
    seed: int
    plots: str | None
    plot_bins: int
    line_shapes: bool
    data_title: str
    simulation_title: str
    where: InitVar[str] = "inputs.yml"

    def __post_init__(self, where: str) -> None:
        check_rising(self, ("gap", "mass_range", "mass_window"), where)
        check_masses(self.fill, where)
        _check_regions(self.stability_regions, f"{where}: stability_regions")
        if self.start == "file" and self.start_file is None:
            cure = "name a fit.json in start_file"
            raise InputError(f"{where}: start", '"file" without a start_file', cure)
        if (self.sample_table is None) != (self.sample_name is None):
            given = "sample_table" if self.sample_name is None else "sample_name"
            cure = "give both sample_table and sample_name, or neither"
            raise InputError(f"{where}: {given}", "is given without the other", cure)
        make_chain(self.fits, self._after, self.final, where)

    @property
    def chain(self) -> Chain:
        """The fits that are made, and on what each builds."""
        return make_chain(self.fits, self._after, self.final)

    @property
    def _after(self) -> dict[str, str | None]:
        return {name: getattr(self, f"{name}_after", None) for name in FITS}

    @property
    def fill(self) -> FillSettings:
        """How masses are cut and binned."""
        return FillSettings(
            mass_window=self.mass_window,
            bin_width=self.bin_width,
            mass_range=self.mass_range,
            et_min=self.et_min,
            seed=self.seed,
            tail_fraction=self.tail_fraction,
            tail_width=self.tail_width,
        )

    def settings(self) -> dict[str, Any]:
        """Return the settings of each stage by its name; `export` and `report` have none here."""
        return {
            "select": SelectSettings(
                abs_eta_max=self.abs_eta_max,
                gap=self.gap,
                et_min=self.et_min,
                et_margin=self.et_margin,
                mass_range=self.mass_range,
                id_bit=self.id_bit,
                charge=self.charge,
                write_tsv=self.write_tsv,
            ),
            "run_bins": RunBinSettings(min_events=self.min_events_per_run_bin),
            "stability": StabilitySettings(
                regions=self.stability_regions,
                target=self.stability_target,
                min_events=self.stability_min_events,
                mass_window=self.mass_window,
            ),
            "reweight": ReweightSettings(
                enabled=self.reweight, min_events=self.reweight_min_events
            ),
            "fill": self.fill,
            "fit": self._fit_plan(),
            "closure": ClosureSettings(tolerance=self.closure_tolerance, floor=self.closure_floor),
            "validation": PlotSettings(
                mass_window=self.mass_window,
                et_min=self.et_min,
                seed=self.seed,
                tail_fraction=self.tail_fraction,
                tail_width=self.tail_width,
                n_bins=self.plot_bins,
                line_shapes=self.line_shapes,
            ),
        }

    def _fit_plan(self) -> FitPlan:
        settings = FitSettings(
            minimiser=self.minimiser,
            start=self.start,
            n_starts=self.n_starts,
            seed=self.seed,
            binning=self.binning,
            n_bins=self.n_bins,
            min_sim_events=self.min_sim_events,
            min_data_events=self.min_data_events,
            min_category_events=self.min_category_events,
            low_statistics=self.low_statistics,
            tail_fraction=self.tail_fraction,
            tail_width=self.tail_width,
        )
        pairs = [
            PairSelector(
                fit=one.get("fit"), electrons=tuple(Selector(**leg) for leg in one["electrons"])
            )
            for one in self.ignored_pairs
        ]
        return FitPlan(
            settings=settings,
            fixed_scales=tuple(Selector(**one) for one in self.fixed_scales),
            fixed_smearings=tuple(Selector(**one) for one in self.fixed_smearings),
            ignored_pairs=tuple(pairs),
            start_file=self.start_file if self.start == "file" else None,
            bootstrap=self.bootstrap,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object."""
        return asdict(self)


def check_rising(values: object, keys: tuple[str, ...], where: str) -> None:
    """Refuse ranges that do not rise.

    Raises
    ------
    InputError
        Naming the key.
    """
    for key in keys:
        low, high = getattr(values, key)
        if not low < high:
            raise InputError(
                f"{where}: {key}", f"[{low:g}, {high:g}] does not rise", "write [low, high]"
            )


def check_masses(values: FillSettings, where: str) -> None:
    """Refuse thresholds in the wrong order, and a window without room or bins.

    Raises
    ------
    InputError
        Naming the key.
    """
    if values.et_min[0] < values.et_min[1]:
        raise InputError(
            f"{where}: et_min",
            f"{values.et_min[0]:g} of the leading electron is below {values.et_min[1]:g} of the "
            "subleading one",
            "write the larger threshold first",
        )
    (low, high), (first, last) = values.mass_window, values.mass_range
    if first > low * (1 - MARGIN) or last < high * (1 + MARGIN):
        raise InputError(
            f"{where}: mass_window",
            f"[{low:g}, {high:g}] is not {MARGIN:.0%} inside mass_range [{first:g}, {last:g}]",
            "make the range wider or the window narrower, because events cross its edges",
        )
    if values.bin_width > (high - low) / 4:
        raise InputError(
            f"{where}: bin_width",
            f"{values.bin_width:g} makes less than 4 bins of mass_window [{low:g}, {high:g}]",
            f"it must be at most {(high - low) / 4:g}",
        )


def _check_regions(regions: tuple[Pair, ...], where: str) -> None:
    """Refuse regions that do not rise, overlap, or leave a part of barrel or endcap out."""
    for low, high in regions:
        if not low < high:
            raise InputError(where, f"[{low:g}, {high:g}] does not rise", "write [low, high]")
    for one, other in pairwise(sorted(regions)):
        if one[1] > other[0]:
            problem = f"[{one[0]:g}, {one[1]:g}] and [{other[0]:g}, {other[1]:g}] overlap"
            raise InputError(where, problem, "make the edges meet")
    hole = uncovered(FIDUCIAL, Boxes.of(Window(abs_eta=region) for region in regions))
    if hole is not None:
        raise InputError(where, f"no region holds {hole}", "add one or move an edge")


def resolve(values: Mapping[str, Any], where: str = "inputs.yml") -> Inputs:
    """Check the values of inputs.yml and complete them with the defaults.

    Raises
    ------
    InputError
        Naming the first key that is unknown, missing, not what it may be, or at odds with others.
    """
    return Inputs(**complete(values, schema(), where), where=where)


def reference_page() -> str:
    """Return docs/inputs.md: a table of all keys, made from the schema."""
    return "\n".join([REFERENCE_HEAD, *table_of_keys(schema())]) + "\n"


REFERENCE_HEAD = """\
# Keys of inputs.yml

Made from `code/scalesmear/data/inputs.schema.json` by

    python -c "from scalesmear.config import reference_page as page; print(page(), end='')" \\
      > docs/inputs.md
"""
