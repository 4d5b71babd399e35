"""Whole runs: training, resuming, reading, encoding files."""
