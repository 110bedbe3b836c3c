"""Mass and transverse energy of electrons, taken as massless."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scalesmear.events import BoolArray, FloatArray

Z_MASS = 91.188
"""Mass of the Z boson [GeV], the value that the calibration of CMS takes as its target."""


def transverse_energy(energy: FloatArray, eta: FloatArray) -> NDArray[np.floating[Any]]:
    """Return E / cosh(eta) [GeV], in the shape of the arguments."""
    return energy / np.cosh(eta)


def above_thresholds(et: NDArray[np.floating[Any]], et_min: tuple[float, float]) -> BoolArray:
    """Tell which pairs have a harder and a softer electron of at least so much Et [GeV], shape (n,).

    `et` has shape (n, 2), in any order; thresholds are compared in its precision. Two columns are
    compared, which is much faster than to reduce the last axis.
    """
    one, other = et.T
    leading, subleading = np.asarray(et_min, et.dtype)
    above: BoolArray = (np.maximum(one, other) >= leading) & (np.minimum(one, other) >= subleading)
    return above


def pair_mass(et: FloatArray, eta: FloatArray, phi: FloatArray) -> NDArray[np.floating[Any]]:
    """Return the mass of two massless electrons, shape (n,) [GeV].

    Arrays have shape (n, 2). m^2 = 2 Et1 Et2 (cosh(eta1 - eta2) - cos(phi1 - phi2)).
    """
    delta_eta = eta[:, 0] - eta[:, 1]
    delta_phi = phi[:, 0] - phi[:, 1]
    mass: NDArray[np.floating[Any]] = np.sqrt(
        2 * et.prod(axis=1) * (np.cosh(delta_eta) - np.cos(delta_phi))
    )
    return mass


def z_momentum(
    et: FloatArray, eta: FloatArray, phi: FloatArray
) -> tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]]:
    """Return transverse momentum [GeV] and rapidity of two massless electrons, shape (n,) each.

    Arrays have shape (n, 2), eta with its sign. pT^2 = Et1^2 + Et2^2 + 2 Et1 Et2 cos(phi1 - phi2),
    and y = ln((E + pz) / (E - pz)) / 2 with E +- pz = sum of Et exp(+-eta).
    """
    both = 2 * et.prod(axis=1) * np.cos(phi[:, 0] - phi[:, 1])
    p_t = np.sqrt(np.maximum((et**2).sum(axis=1) + both, 0))
    y = 0.5 * np.log((et * np.exp(eta)).sum(axis=1) / (et * np.exp(-eta)).sum(axis=1))
    return p_t, y
