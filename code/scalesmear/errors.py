"""The errors that scalesmear raises on purpose.

::

    ScalesmearError
    ├── InputError      a file, value or table that the user can mend
    ├── FitError        a fit without enough information, or that did not converge
    ├── ClosureError    corrected events that still need a correction
    ├── InjectionError  toys whose fits do not find what was put in
    └── WorkflowError   a run that ended without all that it promised

The command line prints the text of these, one line, and exits with 1. Anything else is a defect of
the program and stays a traceback.
"""


class ScalesmearError(Exception):
    """Base of all errors that scalesmear raises on purpose."""


class InputError(ScalesmearError):
    """Raised when a file, value or table of the user is wrong.

    Parameters
    ----------
    where : str
        The file, and the key, row or branch in it.
    problem : str
        What is wrong, with the value that was found.
    cure : str
        What to do about it.
    """

    def __init__(self, where: object, problem: str, cure: str) -> None:
        super().__init__(f"{where}: {problem}; {cure}")


class FitError(ScalesmearError):
    """Raised when a fit has not enough information or does not converge."""


class ClosureError(ScalesmearError):
    """Raised when corrected events still need a correction larger than the tolerance."""


class InjectionError(ScalesmearError):
    """Raised when fits of toys do not find what was injected, or their errors do not cover it."""


class WorkflowError(ScalesmearError):
    """Raised when a workflow run lacks stages or files that it should have."""
