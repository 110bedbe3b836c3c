"""Which fits a derivation makes, and on which earlier one each of them builds.

`FITS` is the order in which fits can be made; inputs.yml chooses among them. A fit builds on the
scales of one before it, or on stability alone, so that the fits form a tree: ``et`` and ``gain`` may
stand side by side on ``fine``, or one on the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from scalesmear.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

FITS = ("coarse", "fine", "et", "gain", "stochastic")
"""All fits, each after those that it may build on; workflow.yml has a stage for each."""

STABILITY = "stability"
"""What the first fit builds on."""

USUAL = ("fine", "coarse", STABILITY)
"""A fit builds on the first of these that stands before it, unless inputs.yml says otherwise."""

NAME_IN_FIELD = {"coarse": "EtaR9", "fine": "FineEtaR9"}


@dataclass(frozen=True)
class Chain:
    """The fits that are made.

    Attributes
    ----------
    links : tuple of (str, str)
        Each fit with what it builds on: `STABILITY` or a fit before it.
    final : str
        The fit whose product with all that it builds on is the result.

    Raises
    ------
    InputError
        If there is no fit, a name stands twice, a fit builds on none before it, or `final` is none.
    """

    links: tuple[tuple[str, str], ...]
    final: str

    def __post_init__(self) -> None:
        for place, (name, base) in enumerate(self.links):
            if name in self.names[:place]:
                raise InputError("fits", f"{name} stands twice", "name each fit once")
            if base not in (STABILITY, *self.names[:place]):
                problem = f"{name} builds on {base!r}, which is no fit before it"
                raise InputError(
                    "fits", problem, "give the fits in the order in which they were made"
                )
        if self.final not in self.names:
            known = ", ".join(self.names) or "none"
            raise InputError(
                "final", f"{self.final!r} is no fit; there are {known}", "name one of them"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fits, in the order in which they are made."""
        return tuple(name for name, _ in self.links)

    def place_of_base(self, name: str) -> int:
        """Return where the base of a fit stands in ``(stability, *names)``."""
        return (STABILITY, *self.names).index(dict(self.links)[name])

    def path(self, name: str) -> tuple[str, ...]:
        """Return the fits that a fit builds on, from the first, and itself."""
        base = dict(self.links)[name]
        return (name,) if base == STABILITY else (*self.path(base), name)

    def name_in_field(self, name: str) -> str:
        """Return what a product up to a fit is called, such as ``RunFineEtaR9Gain``."""
        path = [fit for fit in self.path(name) if fit != "coarse" or "fine" not in self.path(name)]
        return "Run" + "".join(NAME_IN_FIELD.get(fit, fit.capitalize()) for fit in path)


def make_chain(
    fits: Collection[str],
    after: Mapping[str, str | None],
    final: str | None = None,
    where: str = "inputs.yml",
) -> Chain:
    """Return the chain that inputs.yml asks for.

    Parameters
    ----------
    fits : collection of str
        Names out of `FITS`, in any order.
    after : mapping
        What a fit is to build on; the first of `USUAL` that stands before it if that is None.
    final : str or None
        The result; the last fit if None.
    where : str
        The file, for messages.

    Raises
    ------
    InputError
        If a fit is to build on one that is not made, or `final` is not made.
    """
    made = [name for name in FITS if name in fits]
    links = []
    for place, name in enumerate(made):
        before = (STABILITY, *made[:place])
        base = after.get(name) or next(usual for usual in USUAL if usual in before)
        if base not in before:
            raise _not_made(f"{where}: {name}_after", base, made)
        links.append((name, base))
    if final is not None and final not in made:
        raise _not_made(f"{where}: final", final, made)
    return Chain(tuple(links), final or made[-1])


def _not_made(where: str, name: str, made: list[str]) -> InputError:
    fits = ", ".join(made)
    return InputError(
        where, f"{name} is not among the fits {fits}", f"add {name} to fits, or name another"
    )
