"""The compiled training step: skip-gram with negative sampling."""
