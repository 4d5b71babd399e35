"""Evaluation on analogies and word similarity."""
