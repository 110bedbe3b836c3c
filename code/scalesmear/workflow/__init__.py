"""Running the derivation with yadage: on this machine or in containers, watched and verified.

Nothing here needs more than the standard library, yadage and PyYAML: it runs beside yadage, in an
environment without the packages of the steps.
"""
