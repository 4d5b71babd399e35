"""Formats that machine learning frameworks load."""
