"""The result of training as an object."""
