"""What the report needs to know beyond the results."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportSettings:
    """Words and extras of the report.

    Attributes
    ----------
    era : str
        Name of the data-taking era.
    label : str or None
        What stands beside the name of the program on every figure.
    data_title, simulation_title : str
        What figures call data and simulation.
    """

    era: str
    label: str | None = None
    data_title: str = "data"
    simulation_title: str = "simulation"
