"""File formats: matrices as data, without framework objects."""
