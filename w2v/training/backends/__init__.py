"""Backends: how the steps of an epoch are distributed over threads."""
