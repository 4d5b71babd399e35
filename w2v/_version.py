"""The version of this package, and the only place that has it."""

__version__ = "0.1.0"
