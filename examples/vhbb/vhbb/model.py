"""The statistical model of a signal on a background in bins, and CLs of signal strengths.

The number of events in a bin is Poisson distributed about mu s + b. Normalisations of signal and
background have relative uncertainties, each moving all bins together; the statistics of simulation
moves every bin by itself. CLs (A. Read, J. Phys. G 28 (2002) 2693) is that of the profile likelihood
ratio q~ with its asymptotic distributions (Cowan et al., arXiv:1007.1727). The only module that needs
pyhf.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyhf

from scalesmear.errors import FitError, InputError
from vhbb.scan import LEVEL, Scan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vhbb.scan import Counts, Doubles, Spectrum

N_POINTS = 16
"""Of a scan."""

STRIDE = 1.25
"""Factor by which the end of a scan is looked for."""

LARGEST = 128.0
"""Where no limit is looked for any more, in units of two expected standard deviations."""


@dataclass(frozen=True)
class Model:
    """A model of pyhf with the data that it is compared with.

    Attributes
    ----------
    model : pyhf.Model
        Its signal is multiplied by `unit`, so that its parameter of interest is of the order of 1.
    data : list of float
    unit : float
    """

    model: pyhf.Model
    data: list[float]
    unit: float

    def cls(self, strength: float) -> tuple[float, Doubles]:
        """Return CLs of a signal strength: observed, and expected without signal, shape (5,).

        Raises
        ------
        FitError
            If a fit does not converge.
        """
        bounds = self.model.config.suggested_bounds()
        bounds[self.model.config.poi_index] = (0.0, LARGEST)
        try:
            observed, expected = pyhf.infer.hypotest(
                strength / self.unit,
                self.data,
                self.model,
                par_bounds=bounds,
                test_stat="qtilde",
                return_expected_set=True,
            )
        except pyhf.exceptions.FailedMinimization as error:
            raise FitError(f"a fit at signal strength {strength:g} did not converge") from error
        return float(observed), np.array([float(value) for value in expected])

    def scan(self, n_points: int = N_POINTS) -> Scan:
        """Return CLs at equal steps up to where all limits lie below.

        Raises
        ------
        InputError
            If there are so many events that no limit is below `LARGEST`.
        """
        strengths = np.linspace(0.0, self._highest(), n_points + 1)[1:]
        found = [self.cls(float(strength)) for strength in strengths]
        observed = np.array([one for one, _ in found])
        return Scan(strengths, observed, np.array([five for _, five in found]))

    def _highest(self) -> float:
        """Return the unit times a power of `STRIDE` that is just above all limits."""
        strength = self.unit
        while not self._excludes(strength):
            strength *= STRIDE
            if strength > LARGEST * self.unit:
                problem = f"no signal strength up to {strength / STRIDE:.3g} is excluded"
                raise InputError("data", problem, "this is for limits on what is not there")
        while self._excludes(strength / STRIDE):
            strength /= STRIDE
        return strength

    def _excludes(self, strength: float) -> bool:
        observed, expected = self.cls(strength)
        return bool(max(observed, *expected) < 1 - LEVEL)


def expected_error(signal: Counts, background: Counts) -> float:
    """Return about how well data without signal determine its strength.

    From the Fisher information on strength mu and the background's normalisation theta, which is known
    to u: I(mu, mu) = sum s^2 / b, I(mu, theta) = u sum s, I(theta, theta) = u^2 sum b + 1, with theta
    profiled.
    """
    s, b, u = np.maximum(signal.contents, 0.0), background.contents, background.uncertainty
    information = np.sum(s**2 / b) - (u * s.sum()) ** 2 / (u**2 * b.sum() + 1)
    return 1 / math.sqrt(information)


def model_of(spectrum: Spectrum) -> Model:
    """Build the model; bins without background, where nothing was observed, take no part.

    Raises
    ------
    InputError
        If there are events where no background is expected, or no signal anywhere.
    """
    data = spectrum.data
    used = spectrum.background.contents > 0
    if data[~used].any():
        number = int(np.flatnonzero(~used & (data > 0))[0]) + 1
        problem = f"bin {number} holds {data[number - 1]:g} events and no background is expected"
        raise InputError("data", problem, "fill wider bins")
    signal, background = spectrum.signal.take(used), spectrum.background.take(used)
    if signal.contents.sum() <= 0:
        raise InputError("signal", "its sum is not above 0", "check the histogram")
    unit = 2 * expected_error(signal, background)
    samples = [
        _sample("signal", signal.times(unit), [{"name": "mu", "type": "normfactor", "data": None}]),
        _sample("background", background, []),
    ]
    model = pyhf.Model({"channels": [{"name": "mass", "samples": samples}]}, poi_name="mu")
    return Model(model, [*data[used].tolist(), *model.config.auxdata], unit)


def _sample(name: str, counts: Counts, modifiers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return a sample of pyhf's specification, with the modifiers that its uncertainties ask for.

    A bin with more negative than positive weights counts as empty.
    """
    all_modifiers = list(modifiers)
    if counts.uncertainty > 0:
        factors = {"hi": 1 + counts.uncertainty, "lo": 1 / (1 + counts.uncertainty)}
        all_modifiers.append({"name": f"{name}_norm", "type": "normsys", "data": factors})
    if counts.variances.any():
        errors = np.sqrt(counts.variances).tolist()
        all_modifiers.append({"name": "simulated_events", "type": "staterror", "data": errors})
    contents = np.maximum(counts.contents, 0.0).tolist()
    return {"name": name, "data": contents, "modifiers": all_modifiers}
