"""Embedding layers of Keras and PyTorch, made from a matrix and its layout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from w2v.errors import MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from w2v.formats.layout import Layout


def keras_layer(
    matrix: NDArray[np.float32], layout: Layout, *, trainable: bool, **options: Any
) -> Any:
    """Make a ``keras.layers.Embedding`` that masks the padding row of the layout.

    Raises:
        MissingExtraError: keras is not installed.

    """
    try:
        import keras
    except ModuleNotFoundError as error:
        raise MissingExtraError("a Keras layer", "keras") from error
    options.setdefault("mask_zero", layout.padding is not None)
    return keras.layers.Embedding(*matrix.shape, weights=[matrix], trainable=trainable, **options)


def torch_layer(
    matrix: NDArray[np.float32], layout: Layout, *, trainable: bool, **options: Any
) -> Any:
    """Make a ``torch.nn.Embedding`` whose padding row stays zero.

    Raises:
        MissingExtraError: torch is not installed.

    """
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtraError("a PyTorch layer", "torch") from error
    options.setdefault("padding_idx", layout.padding)
    return torch.nn.Embedding.from_pretrained(
        torch.from_numpy(matrix), freeze=not trainable, **options
    )
