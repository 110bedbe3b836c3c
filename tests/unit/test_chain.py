"""Which fits are made, and on what they build."""

from __future__ import annotations

import pytest

from scalesmear.chain import FITS, STABILITY, Chain, make_chain
from scalesmear.errors import InputError


@pytest.mark.parametrize(
    ("fits", "expected"),
    [
        (["coarse", "fine"], [("coarse", "stability"), ("fine", "coarse")]),
        (["gain"], [("gain", "stability")]),
        (["gain", "coarse"], [("coarse", "stability"), ("gain", "coarse")]),
        (
            ["coarse", "fine", "et", "gain", "stochastic"],
            [
                ("coarse", "stability"),
                ("fine", "coarse"),
                ("et", "fine"),
                ("gain", "fine"),
                ("stochastic", "fine"),
            ],
        ),
    ],
)
def test_fits_build_on_fine_or_the_nearest_before(
    fits: list[str], expected: list[tuple[str, str]]
) -> None:
    chain = make_chain(fits, {})
    assert chain.links == tuple(expected)
    assert chain.final == expected[-1][0]


def test_inputs_may_name_another_base_and_result() -> None:
    after = {"fine": "stability", "gain": "et", "stochastic": None}
    chain = make_chain(FITS, after, "et")
    assert dict(chain.links)["fine"] == STABILITY
    assert chain.path("gain") == ("fine", "et", "gain")
    assert chain.final == "et"
    # stability, coarse, fine, et
    assert [chain.place_of_base(fit) for fit in FITS] == [0, 0, 2, 3, 2]


@pytest.mark.parametrize(
    ("after", "name", "expected"),
    [
        ({}, "coarse", "RunEtaR9"),
        ({}, "fine", "RunFineEtaR9"),
        ({"fine": "stability"}, "fine", "RunFineEtaR9"),
        ({}, "et", "RunFineEtaR9Et"),
        ({}, "gain", "RunFineEtaR9Gain"),
        ({"gain": "coarse"}, "gain", "RunEtaR9Gain"),
        ({"gain": "et"}, "gain", "RunFineEtaR9EtGain"),
        ({"stochastic": "stability"}, "stochastic", "RunStochastic"),
    ],
)
def test_products_are_called_as_in_the_field(
    after: dict[str, str | None], name: str, expected: str
) -> None:
    assert make_chain(FITS, after).name_in_field(name) == expected


def test_products_of_a_chain_have_names_of_their_own() -> None:
    chain = make_chain(FITS, {"fine": "stability", "gain": "et"})
    assert len({chain.name_in_field(fit) for fit in FITS}) == len(FITS)


@pytest.mark.parametrize(
    ("links", "final", "message"),
    [
        ((), "fine", "final: 'fine' is no fit; there are none"),
        ((("fine", "coarse"),), "fine", "fits: fine builds on 'coarse', which is no fit before it"),
        ((("a", "stability"), ("a", "stability")), "a", "fits: a stands twice"),
        ((("a", "stability"),), "b", "final: 'b' is no fit; there are a"),
    ],
)
def test_what_is_no_chain_is_refused(
    links: tuple[tuple[str, str], ...], final: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        Chain(links, final)
