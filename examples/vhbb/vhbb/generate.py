"""Generated inputs: events of ZH -> ll bb as a detector might see them, background, and data.

Kinematics are those of two-body decays, boosted; spectra of the production, resolutions and
efficiencies are plausible numbers, not those of an experiment. Everything follows from one seed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]
    Flags = NDArray[np.bool_]

SUM_OF_WEIGHTS = 6813.0258
"""Of all generated events, as in the lesson."""

N_EVENTS = 20_000
NEGATIVE = 0.05
"""Share of events with a negative weight, as a generator at next-to-leading order has them."""

HIGGS_MASS = 125.0  # [GeV]
Z_MASS, Z_WIDTH = 91.19, 2.50  # [GeV]
MEAN_PT = 90.0
"""Mean transverse momentum of the bosons [GeV]."""

JET_SCALE, JET_RESOLUTION = 0.98, 0.12
LEPTON_RESOLUTION = 0.02
TAGGED, MISTAGGED = 0.77, 0.01
"""Share of b jets and of others with a b tag."""

MORE_JETS = 0.8
"""Mean number of jets that do not come from the Higgs boson."""

MIN_JET_PT, MIN_LEPTON_PT = 20.0, 7.0  # [GeV]
TRACKER = 2.5
"""Absolute eta up to which leptons are seen and jets tagged."""

EDGES = np.linspace(40.0, 200.0, 17)
"""Of the histograms of the dijet mass [GeV]."""

BACKGROUNDS = {
    "Z + jets": (38_000.0, stats.gamma(3.2, scale=31.0)),
    "top pairs": (19_000.0, stats.gamma(5.5, scale=28.0)),
    "VZ": (1_600.0, stats.norm(88.0, 13.0)),
}
"""Events expected after the selection at any mass, and the distribution of their dijet mass [GeV]."""

SIMULATED_PER_EXPECTED = 5.0
"""Simulated events of background for each one expected."""


@dataclass(frozen=True)
class Objects:
    """Jets or leptons of events, a slot for each that there might be; arrays of shape (n, slots).

    Attributes
    ----------
    pt : float array
        [GeV]
    eta, phi : float arrays
    seen : bool array
        Whether there is one in this slot.
    tagged : bool array or None
        Of jets: whether they have a b tag.
    """

    pt: Doubles
    eta: Doubles
    phi: Doubles
    seen: Flags
    tagged: Flags | None = None


@dataclass(frozen=True)
class SignalEvents:
    """Events of signal that the derivation kept, and the number and weights of all.

    Attributes
    ----------
    weight : float array, shape (n,)
    jets, leptons : Objects
    n_generated : int
    sum_of_weights : float
    """

    weight: Doubles
    jets: Objects
    leptons: Objects
    n_generated: int
    sum_of_weights: float


def signal(rng: Generator, n_events: int = N_EVENTS) -> SignalEvents:
    """Generate events of ZH -> ll bb; the derivation keeps those with two jets or more."""
    higgs, boson = _bosons(rng, n_events)
    jets = _jets(rng, _decay(rng, higgs), n_events)
    leptons = _leptons(rng, _decay(rng, boson))
    sign = np.where(rng.random(n_events) < NEGATIVE, -1.0, 1.0)
    weight = sign * (SUM_OF_WEIGHTS / sign.sum())
    kept = jets.seen.sum(axis=1) >= 2
    return SignalEvents(
        weight[kept], _take(jets, kept), _take(leptons, kept), n_events, float(weight.sum())
    )


def _take(objects: Objects, kept: Flags) -> Objects:
    parts: dict[str, Any] = {
        name: None if values is None else values[kept] for name, values in vars(objects).items()
    }
    return Objects(**parts)


def _bosons(rng: Generator, n: int) -> tuple[Doubles, Doubles]:
    """Return four-vectors (E, x, y, z) of Higgs and Z boson, back to back across the beam, (n, 4)."""
    pt = rng.gamma(2.0, MEAN_PT / 2, n)
    phi = rng.uniform(-np.pi, np.pi, n)
    rapidity = rng.normal(0.0, 0.8, n) + rng.normal(0.0, 0.6, (2, n))
    z_mass = Z_MASS + np.clip(Z_WIDTH / 2 * rng.standard_cauchy(n), -30.0, 30.0)
    higgs = _four_vector(np.full(n, HIGGS_MASS), pt, phi, rapidity[0])
    return higgs, _four_vector(z_mass, pt, phi + np.pi, rapidity[1])


def _four_vector(mass: Doubles, pt: Doubles, phi: Doubles, rapidity: Doubles) -> Doubles:
    transverse = np.sqrt(mass**2 + pt**2)
    return np.stack(
        [
            transverse * np.cosh(rapidity),
            pt * np.cos(phi),
            pt * np.sin(phi),
            transverse * np.sinh(rapidity),
        ],
        axis=1,
    )


def _decay(rng: Generator, parent: Doubles) -> Doubles:
    """Return two massless particles of an isotropic decay, shape (n, 2, 4).

    In the rest frame they have half of the mass each; the boost along p / E with gamma = E / m is
    k' = k + beta (gamma^2 / (gamma + 1) beta.k + gamma k0).
    """
    n = len(parent)
    energy, momentum = parent[:, :1], parent[:, 1:]
    mass = np.sqrt(energy**2 - (momentum**2).sum(axis=1, keepdims=True))
    cosine, phi = rng.uniform(-1, 1, n), rng.uniform(-np.pi, np.pi, n)
    sine = np.sqrt(1 - cosine**2)
    direction = np.stack([sine * np.cos(phi), sine * np.sin(phi), cosine], axis=1)
    beta, gamma = momentum / energy, energy / mass
    along = (beta * direction).sum(axis=1, keepdims=True)
    products = []
    for sign in (1, -1):
        k0, k = mass / 2, sign * mass / 2 * direction
        beta_k = sign * mass / 2 * along
        moved = k + beta * (gamma**2 / (gamma + 1) * beta_k + gamma * k0)
        products.append(np.concatenate([gamma * (k0 + beta_k), moved], axis=1))
    return np.stack(products, axis=1)


def _directions(particles: Doubles) -> tuple[Doubles, Doubles, Doubles]:
    """Return pt, eta and phi of four-vectors."""
    x, y, z = particles[..., 1], particles[..., 2], particles[..., 3]
    pt = np.hypot(x, y)
    return pt, np.arcsinh(z / pt), np.arctan2(y, x)


def _jets(rng: Generator, quarks: Doubles, n: int) -> Objects:
    """Return the jets of two b quarks and those that are there besides."""
    pt, eta, phi = _directions(quarks)
    pt = pt * np.clip(rng.normal(JET_SCALE, JET_RESOLUTION, (n, 2)), 0.2, None)
    n_more = rng.poisson(MORE_JETS, n)
    slots = max(int(n_more.max()), 1)
    there = np.arange(slots) < n_more[:, None]
    more = MIN_JET_PT + rng.exponential(25.0, (n, slots))
    all_pt = np.concatenate([pt, np.where(there, more, 0.0)], axis=1)
    all_eta = np.concatenate([eta, rng.uniform(-4.0, 4.0, (n, slots))], axis=1)
    all_phi = np.concatenate([phi, rng.uniform(-np.pi, np.pi, (n, slots))], axis=1)
    efficiency = np.concatenate([np.full((n, 2), TAGGED), np.full((n, slots), MISTAGGED)], axis=1)
    tagged = (rng.random(all_pt.shape) < efficiency) & (np.abs(all_eta) < TRACKER)
    return _harder_first(
        Objects(all_pt, all_eta, all_phi, (all_pt > MIN_JET_PT) & (np.abs(all_eta) < 4.5), tagged)
    )


def _leptons(rng: Generator, leptons: Doubles) -> Objects:
    pt, eta, phi = _directions(leptons)
    pt = pt * rng.normal(1.0, LEPTON_RESOLUTION, pt.shape)
    return _harder_first(Objects(pt, eta, phi, (pt > MIN_LEPTON_PT) & (np.abs(eta) < TRACKER)))


def _harder_first(objects: Objects) -> Objects:
    order = np.argsort(-objects.pt, axis=1)
    parts: dict[str, Any] = {
        name: None if values is None else np.take_along_axis(values, order, axis=1)
        for name, values in vars(objects).items()
    }
    return Objects(**parts)


def expected_background() -> Doubles:
    """Return the expected number of events of background in each bin of `EDGES`, shape (n_bins,)."""
    parts = [n * np.diff(shape.cdf(EDGES)) for n, shape in BACKGROUNDS.values()]
    total: Doubles = np.sum(parts, axis=0)
    return total


def background(rng: Generator) -> tuple[Doubles, Doubles]:
    """Return simulated background, scaled to the data: contents and variances, (n_bins,) each."""
    simulated = rng.poisson(SIMULATED_PER_EXPECTED * expected_background())
    return simulated / SIMULATED_PER_EXPECTED, simulated / SIMULATED_PER_EXPECTED**2


def data(rng: Generator) -> Doubles:
    """Return numbers of events of data without any signal, shape (n_bins,)."""
    return rng.poisson(expected_background()).astype(float)
