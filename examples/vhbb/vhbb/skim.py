"""Selection of ZH -> ll bb: two leptons from a Z boson and two b jets, of which the mass is taken."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]

LEPTON_PT = (27.0, 10.0)  # [GeV], of the harder and the softer one
JET_PT = (45.0, 20.0)  # [GeV]
MAX_ETA = 2.5
Z_WINDOW = (81.0, 101.0)  # [GeV]


@dataclass(frozen=True)
class Cut:
    """What is left after a cut: number of events, and the sum of their weights."""

    name: str
    events: int
    sum_of_weights: float


@dataclass(frozen=True)
class Selected:
    """Selected events.

    Attributes
    ----------
    mass : float array, shape (n,)
        Of the two b jets [GeV].
    weight : float array, shape (n,)
    cut_flow : tuple of Cut
    """

    mass: Doubles
    weight: Doubles
    cut_flow: tuple[Cut, ...]


def pair_mass(pairs: ak.Array) -> Doubles:
    """Return the mass [GeV] of the first two massless objects of each event, shape (n,).

    m^2 = 2 pt1 pt2 (cosh(eta1 - eta2) - cos(phi1 - phi2)).
    """
    one, two = pairs[:, 0], pairs[:, 1]
    angles = np.cosh(one.eta - two.eta) - np.cos(one.phi - two.phi)
    mass: Doubles = ak.to_numpy(np.sqrt(2 * one.pt * two.pt * angles))
    return mass


def select(events: ak.Array) -> Selected:
    """Select events and take the mass of their b jets.

    Parameters
    ----------
    events : awkward array
        With ``weight``, and lists ``jet`` (pt [GeV], eta, phi, btag) and ``lepton`` (pt [GeV], eta,
        phi), the harder one first.
    """
    flow = [_cut("in the file", events)]

    def keep(name: str, passed: ak.Array) -> None:
        nonlocal events
        events = events[passed]
        flow.append(_cut(name, events))

    keep("two leptons", _two_above(events.lepton, LEPTON_PT))
    mass = pair_mass(events.lepton)
    keep("Z mass", (mass > Z_WINDOW[0]) & (mass < Z_WINDOW[1]))
    events = ak.with_field(events, events.jet[np.abs(events.jet.eta) < MAX_ETA], "jet")
    keep("two jets", _two_above(events.jet, JET_PT))
    events = ak.with_field(events, events.jet[events.jet.btag], "jet")
    keep("two b tags", _two_above(events.jet, JET_PT, exactly=True))
    return Selected(pair_mass(events.jet), ak.to_numpy(events.weight), tuple(flow))


def _cut(name: str, events: ak.Array) -> Cut:
    return Cut(name, len(events), float(ak.sum(events.weight)))


def _two_above(objects: ak.Array, pt: tuple[float, float], *, exactly: bool = False) -> ak.Array:
    """Tell which events have two objects, the harder and the softer one above their thresholds."""
    number = ak.num(objects)
    two = ak.fill_none(ak.pad_none(objects.pt, 2, axis=1), 0.0)
    enough = number == 2 if exactly else number >= 2
    return enough & (two[:, 0] > pt[0]) & (two[:, 1] > pt[1])
