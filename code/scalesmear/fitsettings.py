"""What a fit of scales and smearings needs to know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scalesmear.binning import Rule
from scalesmear.effective import Tails


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """What a fit of scales and smearings needs to know.

    Attributes
    ----------
    minimiser : {"newton", "L-BFGS-B"}
        See `scalesmear.solver` and `scalesmear.quasinewton`; both find the same.
    start : {"default", "scan", "random", "file"}
        "default" begins where the caller says, or at scale 1 and `start_smearing`; "scan" at the
        best point of a grid of each scale; "random" there and at `n_starts` - 1 points drawn with
        `seed`, and keeps the best solution; "file" where the caller says, who must.
    n_starts, seed : int
    binning : {"fixed", "freedman-diaconis", "equal-content"}
        Rule for the bins of pairs, see `scalesmear.binning`.
    n_bins : int
        Bins of each pair for "equal-content".
    min_sim_events : float
        Effective number (sum w)^2 / sum w^2 of simulated events in the window that a pair should
        have. The noise of the simulation biases nothing, but the errors of parameters that
        hang on a few events are rough, and pairs with fewer than 20 bring next to nothing.
    min_data_events : float
        The same for data.
    min_category_events : float
        The same for both, of events with an electron in a category.
    low_statistics : {"fix", "merge", "flag"}
        What happens with less. "fix": the pair is not used; the scale of the category, and with it
        all its pairs, are left out and keep the start value. "merge": the category joins its most
        populated neighbour in the same smearing category, and has its scale; what has none, and
        pairs, are treated as by "fix". "flag": all are used and named.
    scale_bound : float
        Largest abs(scale - 1).
    smearing_bound : float
        Largest smearing.
    start_smearing : float
        Where smearings start, if the caller does not say.
    max_iterations : int
    fixed_scales, fixed_smearings : tuple of int
        Indices of what keeps its start value.
    ignored_pairs : tuple of int
        Pair numbers, see `scalesmear.histogram.pair_number`.
    tail_fraction, tail_width : float
        Of a second Gaussian in the smearing, see `scalesmear.effective.Tails`.
    """

    minimiser: Literal["newton", "L-BFGS-B"] = "newton"
    start: Literal["default", "scan", "random", "file"] = "default"
    n_starts: int = 5
    seed: int = 1
    binning: Rule = "fixed"
    n_bins: int = 20
    min_sim_events: float = 20.0
    min_data_events: float = 10.0
    min_category_events: float = 100.0
    low_statistics: Literal["fix", "merge", "flag"] = "fix"
    scale_bound: float = 0.1
    smearing_bound: float = 0.1
    start_smearing: float = 0.01
    max_iterations: int = 100
    fixed_scales: tuple[int, ...] = ()
    fixed_smearings: tuple[int, ...] = ()
    ignored_pairs: tuple[int, ...] = ()
    tail_fraction: float = 0.0
    tail_width: float = 2.0

    @property
    def tails(self) -> Tails:
        """The second Gaussian of the smearing."""
        return Tails(self.tail_fraction, self.tail_width)
