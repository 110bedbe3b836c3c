"""Residual electron energy scales and additional smearings from Z->ee."""

from importlib.metadata import version

__version__ = version("scalesmear")
