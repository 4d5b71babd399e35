"""Embedding layers of Keras and PyTorch, made from a matrix and its layout, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.errors import ConfigError, MissingExtraError, short_repr
from w2v.options import SWITCH, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from w2v.formats.layout import Layout

# Arguments of the layers that follow from the matrix, and how to choose them.
_TAKEN_BY_KERAS = {
    **dict.fromkeys(("input_dim", "output_dim", "weights"), "the matrix determines it"),
    "embeddings_initializer": "the layer begins with the matrix",
}
_TAKEN_BY_TORCH = {
    **dict.fromkeys(("num_embeddings", "embedding_dim", "embeddings"), "the matrix determines it"),
    "freeze": "use `trainable`",
}


def keras_layer(
    matrix: NDArray[np.float32], layout: Layout, *, trainable: bool, **options: Any
) -> Any:
    """Make a ``keras.layers.Embedding`` that masks the padding row of the layout.

    Raises:
        ConfigError: an option contradicts the layout or the matrix.
        MissingExtraError: keras is not installed.

    """
    trainable = SWITCH.check("trainable", trainable)
    _reject_taken(options, _TAKEN_BY_KERAS)
    if options.get("mask_zero") and layout.padding is None:
        message = (
            f"would mask row 0, which is a word in the layout {layout.name!r}; omit it, or use "
            "`rows='pad'` or `rows='pad+unk'`, here and for the ids"
        )
        raise ConfigError(message, option="mask_zero")
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
        ConfigError: an option contradicts the layout or the matrix.
        MissingExtraError: torch is not installed.

    """
    trainable = SWITCH.check("trainable", trainable)
    _reject_taken(options, _TAKEN_BY_TORCH)
    _check_padding(options.get("padding_idx"), len(matrix), layout)
    if options.get("max_norm") is not None and not trainable:
        message = "scales the vectors in place, although they are not trainable; omit it"
        raise ConfigError(message, option="max_norm")
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtraError("a PyTorch layer", "torch") from error
    options.setdefault("padding_idx", layout.padding)
    return torch.nn.Embedding.from_pretrained(
        torch.from_numpy(matrix), freeze=not trainable, **options
    )


def _reject_taken(options: Mapping[str, object], taken: Mapping[str, str]) -> None:
    for name in options:
        if name in taken:
            message = f"cannot be chosen: {taken[name]}; omit it"
            raise ConfigError(message, option=name)


def _check_padding(index: object, rows: int, layout: Layout) -> None:
    """Check that a ``padding_idx``, which counts from the end if it is negative, is padding."""
    row = plain(index)
    if row is None:
        return
    if isinstance(row, int) and row < 0:
        row += rows
    if type(row) is not int or row != layout.padding:
        has = "no padding row" if layout.padding is None else f"padding in row {layout.padding}"
        message = (
            f"is a row that is never trained, and the layout {layout.name!r} has {has}, got "
            f"{short_repr(index)}; omit it, or choose other rows with `rows`, here and for the ids"
        )
        raise ConfigError(message, option="padding_idx")


def matrix_of(layer: object) -> NDArray[np.float32]:
    """Return a copy of the matrix of an Embedding layer: (rows, D) float32, C order.

    Args:
        layer: of Keras, built; or of PyTorch, ``Embedding`` or ``EmbeddingBag``, on any device.

    Raises:
        ConfigError: it is not such a layer.

    """
    weight: Any = getattr(layer, "weight", None)
    if hasattr(weight, "detach"):  # PyTorch. Its half precision may be unknown to NumPy.
        matrix = weight.detach().to("cpu").float().numpy()
    elif hasattr(layer, "get_weights") and hasattr(layer, "mask_zero"):  # Keras
        matrix = _keras_matrix(layer)
    else:
        message = (
            "expected an Embedding layer of Keras or PyTorch, got a "
            f"{type(layer).__module__}.{type(layer).__qualname__}"
        )
        raise ConfigError(message)
    return np.array(matrix, np.float32, order="C")


def _keras_matrix(layer: Any) -> NDArray[Any]:
    import keras

    if not layer.built:
        message = "the layer has no vectors yet: call it on ids first, or build it with its model"
        raise ConfigError(message)
    # Not get_weights, which knows nothing of LoRA and quantization.
    matrix: NDArray[Any] = keras.ops.convert_to_numpy(keras.ops.cast(layer.embeddings, "float32"))
    return matrix
