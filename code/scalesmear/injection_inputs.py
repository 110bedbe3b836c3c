"""The values of injection_inputs.yml, and what they ask of each stage of injection.yml."""

from __future__ import annotations

from dataclasses import InitVar, asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from scalesmear.config import check_masses, check_rising
from scalesmear.errors import InputError
from scalesmear.fill import FillSettings
from scalesmear.fitsettings import FitSettings
from scalesmear.injection import InjectionSettings, Level
from scalesmear.pulls import PullCriteria
from scalesmear.schema import Schema, complete, load, table_of_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scalesmear.binning import Rule

Pair = tuple[float, float]

INPUTS = "injection_inputs.yml"


def schema() -> Schema:
    """Return the JSON schema of injection_inputs.yml."""
    return load("injection")


def reference_table() -> str:
    """Return the table of all keys in docs/injection.md, made from the schema."""
    return "\n".join(table_of_keys(schema()))


@dataclass(frozen=True, kw_only=True)
class InjectionInputs:
    """All values of injection_inputs.yml, complete and sensible; the schema says what each one means.

    Raises
    ------
    InputError
        If values do not go together.
    """

    categories: str
    truth: str | None
    max_shift: float
    smearing_range: Pair
    level: Level
    n_toys: int
    toys_per_job: int
    data_events: int
    sim_events: int
    negative_fraction: float
    seed: int
    mass_window: Pair
    bin_width: float
    min_sim_events: float
    min_data_events: float
    min_category_events: float
    low_statistics: Literal["fix", "merge", "flag"]
    binning: Rule
    n_bins: int
    minimiser: Literal["newton", "L-BFGS-B"]
    tolerance: float
    rms_tolerance: float
    label: str | None
    where: InitVar[str] = INPUTS

    def __post_init__(self, where: str) -> None:
        low, high = self.smearing_range
        if low > high:
            problem = f"[{low:g}, {high:g}] falls"
            raise InputError(f"{where}: smearing_range", problem, "write [low, high]")
        check_rising(self, ("mass_window",), where)
        check_masses(self.fill, where)

    @property
    def fill(self) -> FillSettings:
        """How masses are binned; range and thresholds are those that generated events have room for."""
        return FillSettings(mass_window=self.mass_window, bin_width=self.bin_width)

    @property
    def settings(self) -> InjectionSettings:
        """How toys are made and fitted."""
        fit = FitSettings(
            min_sim_events=self.min_sim_events,
            min_data_events=self.min_data_events,
            min_category_events=self.min_category_events,
            low_statistics=self.low_statistics,
            binning=self.binning,
            n_bins=self.n_bins,
            minimiser=self.minimiser,
        )
        return InjectionSettings(
            level=self.level,
            data_events=self.data_events,
            sim_events=self.sim_events,
            negative_fraction=self.negative_fraction,
            seed=self.seed,
            fill=self.fill,
            fit=fit,
        )

    @property
    def criteria(self) -> PullCriteria:
        """When the study passes."""
        return PullCriteria(tolerance=self.tolerance, rms_tolerance=self.rms_tolerance)

    @property
    def jobs(self) -> list[str]:
        """The toys of each job, first and last: 0-49, 50-99 ..."""
        starts = range(0, self.n_toys, self.toys_per_job)
        return [f"{n}-{min(n + self.toys_per_job, self.n_toys) - 1}" for n in starts]

    def to_json(self) -> dict[str, Any]:
        """Return the content of a JSON object."""
        return asdict(self)


def resolve(values: Mapping[str, Any], where: str = INPUTS) -> InjectionInputs:
    """Check the values of injection_inputs.yml and complete them with the defaults.

    Raises
    ------
    InputError
        Naming the first key that is unknown, not what it may be, or at odds with others.
    """
    return InjectionInputs(**complete(values, schema(), where), where=where)
