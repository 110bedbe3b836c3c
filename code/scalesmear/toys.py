"""Generated Z->ee events with known scales, smearings and run drift.

For tests, benchmarks and the example run: what a fit finds can be compared with what was put in. ::

    truth = make_truth(seed=1)
    data = generate(truth, "data", 100_000)
    simulation = generate(truth, "sim", 200_000)
    data.et * true_scale(truth, data)  # calibrated as the simulation is

Data and simulation share the physics and an intrinsic resolution. In data the energy has an
additional Gaussian smearing and is divided by a scale, a run drift, a gain factor and one that rises
with Et. Both are cut
more loosely than an analysis does, so that events may migrate over its edges.

Every event is drawn from a stream that is keyed by seed, kind, number of the stream (the file) and
chunk: a file does not depend on how many others there are, and a longer one starts with a shorter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from scalesmear.events import Events
from scalesmear.kinematics import Z_MASS, above_thresholds, pair_mass

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator
    from numpy.typing import NDArray

    from scalesmear.events import FloatArray, IntArray
    from scalesmear.histogram import Kind

CHUNK_SIZE = 1 << 17
"""Events generated at a time, and entries of a basket of a ROOT file."""

BLOCK_SIZE = 1 << 12
"""Pairs drawn at a time, however many are wanted: a longer stream starts with a shorter one."""

Z_WIDTH = 2.495
"""Width of the Z boson [GeV]."""

MADE_BETWEEN = (45.0, 170.0)
"""Range of the generated mass [GeV]."""

CROSS_SECTION = 2000.0
"""Of Z bosons of this mass that decay to electrons, in the world of the toys [pb]."""

ABS_ETA = ((0.0, 1.0), (1.0, 1.2), (1.2, 1.4442), (1.566, 2.0), (2.0, 2.5))
"""Windows in abs(eta_SC) that have a truth of their own."""

R9_EDGE = 0.96
"""Electrons below and above this R9 have a truth of their own."""

REGION_EDGES = np.array([1.0, 1.2, 1.505, 2.0], np.float32)
HIGH_R9_SHARE = np.array([0.74, 0.63, 0.52, 0.48, 0.56])
RESOLUTION = np.array(
    [[0.017, 0.012], [0.021, 0.015], [0.026, 0.018], [0.031, 0.024], [0.034, 0.026]]
)
"""Intrinsic relative resolution by region, and R9 below and above the edge."""

SMEARING = np.array(
    [[0.0090, 0.0070], [0.0120, 0.0090], [0.0145, 0.0110], [0.0190, 0.0150], [0.0210, 0.0170]]
)
"""Additional smearing of data, about which that of a seed is drawn within 0.1 %."""

DRIFT = np.array([0.0010, 0.0015, 0.0020, 0.0035, 0.0050])
"""RMS of the run drift by region."""

ET_PIVOT = 45.0
"""Et at which the factor by Et is 1 [GeV]: that of an electron of a Z at rest."""

ET_LINE = (25.0, 65.0)
"""Range in which the factor by Et is a straight line [GeV]; it is constant beyond."""

ALL_BITS = 28
"""Electrons pass every identification, until `other_branches` draws theirs."""

MASS_RANGE = (55.0, 125.0)
ET_MIN = (28.0, 17.0)
ABS_ETA_MAX = 2.6


@dataclass(frozen=True, eq=False)
class ToyTruth:
    """What was put into toy data and simulation, see `make_truth`.

    Attributes
    ----------
    seed : int
    scales, smearings : float arrays, shape (5, 2)
        By window of `ABS_ETA`, and R9 below and above `R9_EDGE`.
    runs : uint32 array, shape (r,)
        Run numbers of data, rising.
    run_share : float array, shape (r,)
        Fraction of the events in each run.
    drift : float array, shape (r, 5)
        Factor by run and window of `ABS_ETA`; its mean over events is 1.
    gain_scales : dict
        Factor by gain.
    et_slope : float
        By how much the factor rises per 10 GeV of Et, see `et_factor`.
    background_fraction : float
        Fraction of non-resonant pairs in data, before acceptance.
    negative_fraction : float
        Fraction of simulated events with a negative weight.
    sim_z_pt : float
        Factor on the pT of the Z in simulation.
    sim_scale : float
        Factor on all energies in simulation.
    weight : float
        Absolute weight of simulated events (its median, if it spreads).
    weight_spread : float
        Standard deviation of the logarithm of the absolute weight.
    """

    seed: int
    scales: NDArray[np.float64]
    smearings: NDArray[np.float64]
    runs: NDArray[np.uint32]
    run_share: NDArray[np.float64]
    drift: NDArray[np.float64]
    gain_scales: dict[int, float] = field(default_factory=lambda: {12: 1.0, 6: 1.007, 1: 1.02})
    et_slope: float = 0.0
    background_fraction: float = 0.0
    negative_fraction: float = 0.12
    sim_z_pt: float = 1.0
    sim_scale: float = 1.0
    weight: float = 24000.0
    weight_spread: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Return the truth as it is written beside the toy files.

        The energy of a data electron needs the product of scale, drift factor, gain factor and the
        factor by Et.
        """
        windows = [
            {"abs_eta": list(abs_eta), "r9": r9}
            for abs_eta in ABS_ETA
            for r9 in ([0.0, R9_EDGE], [R9_EDGE, None])
        ]
        return {
            "seed": self.seed,
            "scales": [
                window | {"scale": scale}
                for window, scale in zip(windows, self.scales.ravel().tolist(), strict=True)
            ],
            "smearings": [
                window | {"smearing": smearing}
                for window, smearing in zip(windows, self.smearings.ravel().tolist(), strict=True)
            ],
            "drift": {
                "regions": [list(window) for window in ABS_ETA],
                "runs": self.runs.tolist(),
                "factor": self.drift.tolist(),
            },
            "gain": {str(gain): scale for gain, scale in self.gain_scales.items() if gain != 12},
            "et_slope": self.et_slope,
            "et_pivot": ET_PIVOT,
            "et_line": list(ET_LINE),
            "background_fraction": self.background_fraction,
            "sim_z_pt": self.sim_z_pt,
        }


def make_truth(seed: int, n_runs: int = 60, **options: Any) -> ToyTruth:
    """Draw scales of 1.000-1.014, smearings of 0.6-2.2 % and a drift that walks at random.

    Parameters
    ----------
    seed : int
        Of the truth and of all events that are generated with it.
    n_runs : int
        Number of runs of data.
    **options
        Further fields of `ToyTruth`.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(2,)))
    share = rng.lognormal(0.0, 1.0, n_runs)
    share /= share.sum()
    return ToyTruth(
        seed=seed,
        scales=rng.uniform(1.000, 1.014, (5, 2)),
        smearings=SMEARING + rng.uniform(-0.001, 0.001, (5, 2)),
        runs=(315000 + np.cumsum(rng.integers(1, 120, n_runs))).astype(np.uint32),
        run_share=share,
        drift=_random_walk(rng, share),
        **options,
    )


def _random_walk(rng: Generator, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return drift factors, shape (runs, regions): mean 1 and rms `DRIFT` over events."""
    walk = np.cumsum(rng.standard_normal((len(share), len(DRIFT))), axis=0)
    walk -= share @ walk
    rms = np.sqrt(share @ walk**2)
    return 1 + walk * (DRIFT / np.where(rms > 0, rms, 1))


def region(abs_eta: FloatArray) -> NDArray[np.intp]:
    """Return the window of `ABS_ETA` of each electron; the gap and beyond join the nearest."""
    return np.searchsorted(REGION_EDGES, abs_eta, side="right")


def _high_r9(r9: FloatArray) -> NDArray[np.intp]:
    return (r9 >= np.float32(R9_EDGE)).astype(np.intp)


def true_smearing(truth: ToyTruth, events: Events) -> NDArray[np.float64]:
    """Return the additional smearing of each electron of data, shape (n, 2)."""
    return truth.smearings[region(events.abs_eta), _high_r9(events.r9)]


def resolution(events: Events) -> NDArray[np.float64]:
    """Return the intrinsic relative resolution of each electron, shape (n, 2)."""
    return RESOLUTION[region(events.abs_eta), _high_r9(events.r9)]


def true_scale(truth: ToyTruth, events: Events) -> NDArray[np.float64]:
    """Return the factor that corrects each electron of data, shape (n, 2).

    It is the product of the scale, the drift factor of the run, the factor of the gain, and the
    factor by the Et that these three leave.
    """
    run = np.searchsorted(truth.runs, events.run)
    factor = _true_scale(truth, run, region(events.abs_eta), _high_r9(events.r9), events.gain)
    return factor * et_factor(truth, events.et * factor)


def et_factor(truth: ToyTruth, et: FloatArray) -> NDArray[np.float64]:
    """Return the factor by Et [GeV]: 1 at `ET_PIVOT`, a straight line inside `ET_LINE`."""
    return np.asarray(1 + truth.et_slope / 10 * (np.clip(et, *ET_LINE) - ET_PIVOT), np.float64)


def _before_et_factor(truth: ToyTruth, et: FloatArray) -> NDArray[np.float64]:
    """Return the x that solves x et_factor(x) = et.

    With b the slope per GeV and p the pivot it is the root of b x^2 + (1 - b p) x - et = 0, written
    so that b may be 0.
    """
    slope = truth.et_slope / 10
    linear = 1 - slope * ET_PIVOT
    low, high = (edge * et_factor(truth, np.array(edge)) for edge in ET_LINE)
    inside = np.clip(et, low, high)
    x = 2 * inside / (linear + np.sqrt(linear**2 + 4 * slope * inside))
    return np.asarray(x * (et / inside), np.float64)


def _true_scale(
    truth: ToyTruth, run: IntArray, where: IntArray, high_r9: IntArray, gain: IntArray
) -> NDArray[np.float64]:
    by_gain = np.ones(13)
    for value, scale in truth.gain_scales.items():
        by_gain[value] = scale
    return truth.scales[where, high_r9] * truth.drift[run[:, None], where] * by_gain[gain]


def generate(truth: ToyTruth, kind: Kind, n_events: int, stream: int = 0) -> Events:
    """Generate events of data or simulation.

    Parameters
    ----------
    truth : ToyTruth
        What data are to be corrected for.
    kind : {"data", "sim"}
    n_events : int
    stream : int
        Another number gives other events.
    """
    return Events.concatenate(
        generate_chunk(truth, kind, n, stream, chunk)
        for chunk, n in enumerate(chunk_sizes(n_events))
    )


def chunk_sizes(n_events: int) -> Iterator[int]:
    """Yield the number of events of each chunk."""
    for start in range(0, max(n_events, 1), CHUNK_SIZE):
        yield min(CHUNK_SIZE, n_events - start)


def generate_chunk(truth: ToyTruth, kind: Kind, n_events: int, stream: int, chunk: int) -> Events:
    """Generate one chunk of a stream of events, see `generate`."""
    return produce_chunk(truth, kind, n_events, stream, chunk).events


@dataclass(frozen=True, eq=False)
class Production:
    """Events, and how many Z bosons were made for them.

    Attributes
    ----------
    events : Events
        Those whose electrons are accepted.
    n_made : float
        Z bosons of `MADE_BETWEEN`, background not counted. The share of the last block that was
        drawn for these events makes it a fraction.
    """

    events: Events
    n_made: float

    @property
    def sum_of_weights(self) -> float:
        """Sum over all Z bosons; those not accepted have on average the weight of the others."""
        total = float(self.events.weight.sum(dtype=np.float64))
        return total * self.n_made / max(len(self.events), 1)


def produce_chunk(
    truth: ToyTruth, kind: Kind, n_events: int, stream: int, chunk: int
) -> Production:
    """Generate one chunk of a stream of events, and count what was made for it."""
    rng = _generator(truth, kind, stream, chunk, 0)
    parts = [_generate_block(truth, kind, BLOCK_SIZE, rng)]
    while sum(map(len, parts)) < n_events:
        parts.append(_generate_block(truth, kind, BLOCK_SIZE, rng))
    share = n_events / max(sum(map(len, parts)), 1)
    events = Events.concatenate(parts).where(slice(0, n_events))
    first = (stream << 40) + chunk * CHUNK_SIZE + 1
    events.event[:] = np.arange(first, first + n_events, dtype=np.uint64)
    signal = 1 - (truth.background_fraction if kind == "data" else 0)
    return Production(events, len(parts) * BLOCK_SIZE * share * signal)


def _generator(truth: ToyTruth, kind: Kind, *key: int) -> Generator:
    number = {"data": 0, "sim": 1}[kind]
    return np.random.default_rng(np.random.SeedSequence(truth.seed, spawn_key=(number, *key)))


def _generate_block(truth: ToyTruth, kind: Kind, n_drawn: int, rng: Generator) -> Events:
    """Draw Z bosons and return those whose electrons are accepted; `event` is left 0."""
    fraction, z_pt = (truth.background_fraction, 1.0) if kind == "data" else (0.0, truth.sim_z_pt)
    et, eta, phi = _drawn_pairs(n_drawn, fraction, z_pt, rng)
    n = len(et)
    et *= _radiated(n, rng)
    eta_sc = _seen_from_the_origin(eta, rng)
    where = region(np.abs(eta_sc))
    r9 = _r9(where, rng)
    high_r9 = _high_r9(r9)
    gain = _gain(et, rng)
    run_index = np.zeros(n, np.intp)
    et *= 1 + RESOLUTION[where, high_r9] * rng.standard_normal((n, 2))
    if kind == "data":
        run_index = np.searchsorted(np.cumsum(truth.run_share)[:-1], rng.random(n), side="right")
        et *= 1 + truth.smearings[where, high_r9] * rng.standard_normal((n, 2))
        et = _before_et_factor(truth, et)
        et /= _true_scale(truth, run_index, where, high_r9, gain)
    else:
        et *= truth.sim_scale
    events = Events(
        run=truth.runs[run_index] if kind == "data" else np.ones(n, np.uint32),
        event=np.zeros(n, np.uint64),
        weight=np.ones(n, np.float32) if kind == "data" else _weights(truth, n, rng),
        mass=pair_mass(et, eta, phi),
        et=et,
        eta=eta,
        phi=phi,
        eta_sc=eta_sc,
        r9=r9,
        identification=np.full((n, 2), ALL_BITS, np.uint32),
        gain=gain,
    )
    return events.where(_is_accepted(events)).leading_first()


def _is_accepted(events: Events) -> NDArray[np.bool_]:
    in_mass = (events.mass >= MASS_RANGE[0]) & (events.mass < MASS_RANGE[1])
    in_et = above_thresholds(events.et, ET_MIN)
    kept: NDArray[np.bool_] = in_mass & in_et & (events.abs_eta.max(axis=1) < ABS_ETA_MAX)
    return kept


def _drawn_pairs(
    n: int, background_fraction: float, z_pt_factor: float, rng: Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return Et, eta and phi of the pairs, of `n` drawn, that are worth a detector."""
    mass = _breit_wigner(n, rng)
    if background_fraction > 0:
        mass = np.where(rng.random(n) < background_fraction, _continuum(n, rng), mass)
    # dN/dpT^2 ~ 1/(1 + pT^2/b)^2 peaks at sqrt(b/3); b = 110 GeV^2 gives 6 GeV, median 10.5 GeV
    u = rng.random(n)
    z_pt = z_pt_factor * np.sqrt(110.0 * u / (1.0005 - u))
    z_rapidity = rng.uniform(-2.1, 2.1, n) + rng.uniform(-0.5, 0.5, n)
    et, eta, phi = _decay(mass, z_pt, z_rapidity, rng)
    hopeful = (np.abs(eta).max(axis=1) < ABS_ETA_MAX + 0.2) & (
        (et.max(axis=1) > ET_MIN[0] / 1.16) & (et.min(axis=1) > ET_MIN[1] / 1.16)
    )
    return et[hopeful], eta[hopeful], phi[hopeful]


def _breit_wigner(n: int, rng: Generator) -> NDArray[np.float64]:
    """Draw masses of `MADE_BETWEEN` from a relativistic Breit-Wigner of constant width.

    dN/ds ~ 1 / ((s - M^2)^2 + M^2 Gamma^2), so that s = M^2 + M Gamma tan(u) with u uniform.
    """
    low, high = (np.arctan((mass**2 - Z_MASS**2) / (Z_MASS * Z_WIDTH)) for mass in MADE_BETWEEN)
    return np.sqrt(Z_MASS**2 + Z_MASS * Z_WIDTH * np.tan(rng.uniform(low, high, n)))


def _continuum(n: int, rng: Generator) -> NDArray[np.float64]:
    """Draw masses of `MADE_BETWEEN` of non-resonant pairs, which fall exponentially by 30 GeV."""
    low, high = MADE_BETWEEN
    u = rng.uniform(np.exp(-(high - low) / 30.0), 1.0, n)
    return low - 30.0 * np.log(u)


def _decay(
    mass: FloatArray, z_pt: FloatArray, z_rapidity: FloatArray, rng: Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return Et, eta and phi of the two electrons, shape (n, 2) each.

    The polar angle in the rest frame follows 1 + cos^2; its distribution function is inverted as
    c = w - 1/w, w^3 = t + sqrt(t^2 + 1), t = 4u - 2.
    """
    n = len(mass)
    t = 4 * rng.random(n) - 2
    w = np.cbrt(t + np.sqrt(t * t + 1))
    cosine = w - 1 / w
    angle = rng.uniform(0, 2 * np.pi, n)
    direction = rng.uniform(-np.pi, np.pi, n)
    energy = 0.5 * mass
    p_transverse = energy * np.sqrt(np.maximum(1 - cosine**2, 0))
    p_x = p_transverse * np.cos(angle)
    p_y = p_transverse * np.sin(angle)
    p_z = energy * cosine
    # a boost along x, the direction of the Z, by gamma = mT / m and gamma beta = pT / m
    gamma = np.sqrt(1 + (z_pt / mass) ** 2)
    sign = np.array([1.0, -1.0])
    x = (gamma * p_x)[:, None] * sign + (0.5 * z_pt)[:, None]
    y = p_y[:, None] * sign
    et = np.hypot(x, y)
    # pseudorapidities of massless particles add under a boost along the beam
    eta = np.arcsinh(p_z[:, None] * sign / et) + z_rapidity[:, None]
    phi = np.arctan2(y, x) + direction[:, None]
    return et, eta, np.remainder(phi + np.pi, 2 * np.pi) - np.pi


def _radiated(n: int, rng: Generator) -> NDArray[np.float64]:
    """Return the fraction of energy kept: 15 % of the electrons lose 0.1-60 % to a lost photon.

    The loss follows dN/dz ~ 1/z, as final-state radiation does.
    """
    lost = 0.6 * np.exp(np.log(0.6 / 0.001) * (rng.random((n, 2)) / 0.15 - 1))
    return 1 - np.where(lost < 0.6, lost, 0)


def _seen_from_the_origin(eta: FloatArray, rng: Generator) -> NDArray[np.float32]:
    """Return eta of the supercluster: seen from the centre, not from a vertex at z ~ 3.5 cm.

    To first order in z: z / (R cosh eta) in the barrel, of radius R = 1.29 m, and tanh(abs(eta))
    z / L in the endcap at L = 3.2 m.
    """
    z = rng.normal(0, 0.035, (len(eta), 1))
    in_barrel = z / (1.29 * np.cosh(eta))
    in_endcap = z * np.tanh(np.abs(eta)) / 3.2
    return (eta + np.where(np.abs(eta) < 1.479, in_barrel, in_endcap)).astype(np.float32)


def _r9(where: IntArray, rng: Generator) -> NDArray[np.float32]:
    """Draw R9: narrow near 0.976 if little showered before the calorimeter, else a long tail."""
    compact = rng.random(where.shape) < HIGH_R9_SHARE[where]
    narrow = 0.976 + 0.008 * rng.standard_normal(where.shape)
    broad = 0.97 * rng.random(where.shape) ** 0.18
    return np.where(compact, narrow, broad).astype(np.float32)


def _gain(et: FloatArray, rng: Generator) -> NDArray[np.uint8]:
    """Draw the gain: 6 from about 130 GeV on, 0.2 % of all electrons, and 1 from twice that on."""
    level = et * (1 + 0.1 * rng.standard_normal(et.shape))
    return np.where(level > 260, 1, np.where(level > 130, 6, 12)).astype(np.uint8)


def _weights(truth: ToyTruth, n: int, rng: Generator) -> NDArray[np.float32]:
    sign = np.where(rng.random(n) < truth.negative_fraction, -1.0, 1.0)
    size = truth.weight * np.exp(truth.weight_spread * rng.standard_normal(n))
    return (sign * size).astype(np.float32)


def other_branches(
    truth: ToyTruth, kind: Kind, n_events: int, stream: int, chunk: int
) -> dict[str, NDArray[Any]]:
    """Draw what an ntuple has beside the columns of events, for one chunk.

    Returns
    -------
    dict
        ``identification``, of shape (n, 2), with bits 4 (loose), 8 (medium) and 16 (tight), which
        0.5, 3 and 15 % of the electrons fail; ``charge``, of shape (n, 2), equal in 1 % of the
        pairs; ``lumiBlock``, ``rho``, ``nPV`` and ``nPU``, of shape (n,).
    """
    rng = _generator(truth, kind, stream, chunk, 1)
    tightness = np.searchsorted((0.005, 0.03, 0.15), rng.random((n_events, 2)), side="right")
    sign = np.where(rng.random((n_events, 1)) < 0.5, -1, 1)
    relative = np.where(rng.random((n_events, 1)) < 0.01, [1, 1], [1, -1])
    n_pileup = rng.poisson(32.0, n_events)
    return {
        "identification": np.array([0, 4, 12, 28], np.uint32)[tightness],
        "charge": (sign * relative).astype(np.int16),
        "lumiBlock": rng.integers(1, 2000, n_events).astype(np.uint16),
        "rho": (0.6 * n_pileup + rng.gamma(4.0, 1.0, n_events)).astype(np.float32),
        "nPV": (1 + rng.binomial(n_pileup, 0.7)).astype(np.uint8),
        "nPU": n_pileup.astype(np.uint8),
    }
