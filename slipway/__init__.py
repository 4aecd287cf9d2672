"""Slipway: the Python behind the template's hooks and the `slipway` command."""

__version__ = "0.1.0"
