"""dlviz: see inside your own live PyTorch code, in a notebook.

Every public name is loaded when it is first used, so ``import dlviz`` costs next to nothing.

>>> import dlviz
>>> "graph" in dir(dlviz)
True
"""

import difflib
import sys
from contextlib import suppress
from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "graph": "dlviz.autograd.widget",
    "tensor": "dlviz.tensors.widget",
    "views": "dlviz.tensors.views_widget",
    "broadcast": "dlviz.tensors.broadcast_widget",
    "index": "dlviz.tensors.index_widget",
    "matmul": "dlviz.tensors.product_widget",
    "einsum": "dlviz.tensors.product_widget",
    "conv1d": "dlviz.convolution.widget",
    "conv2d": "dlviz.convolution.widget",
    "conv_transpose1d": "dlviz.convolution.widget",
    "conv_transpose2d": "dlviz.convolution.widget",
    "max_pool1d": "dlviz.convolution.pooling_widget",
    "max_pool2d": "dlviz.convolution.pooling_widget",
    "avg_pool1d": "dlviz.convolution.pooling_widget",
    "avg_pool2d": "dlviz.convolution.pooling_widget",
    "layers": "dlviz.network.widget",
    "boundary": "dlviz.decision_boundary.widget",
    "live": "dlviz.training.widget",
    "load_run": "dlviz.training.widget",
    "knob": "dlviz.training.hyperparameters",
    "race": "dlviz.optimizers.widget",
    "surface": "dlviz.optimizers.surface_widget",
    "unroll": "dlviz.recurrent.widget",
    "positions": "dlviz.positional_encoding.widget",
    "bpe": "dlviz.tokenization.widget",
    "attention": "dlviz.transformer.widget",
    "generate": "dlviz.generation.widget",
    "latent": "dlviz.latent_space.widget",
    "duel": "dlviz.gan.widget",
    "denoise": "dlviz.diffusion.widget",
    "attribute": "dlviz.attribution.widget",
    "profile": "dlviz.profiling.widget",
    "compress": "dlviz.compression.widget",
    "export_check": "dlviz.model_export.widget",
    "parallel": "dlviz.multiprocess.widget",
    "confusion": "dlviz.evaluation.widget",
    "split": "dlviz.evaluation.split_widget",
    "embedding": "dlviz.embeddings.explorer.widget",
    "word2vec": "dlviz.embeddings.word2vec.widget",
    "exercise": "dlviz.exercises",
    "predict": "dlviz.exercises",
    "device": "dlviz.torchkit.runtime",
    "seed": "dlviz.torchkit.runtime",
}
_ROOMS = (
    "attribution",
    "autograd",
    "compression",
    "convolution",
    "data",
    "decision_boundary",
    "diffusion",
    "embeddings",
    "evaluation",
    "exercises",
    "gan",
    "generation",
    "latent_space",
    "model_export",
    "multiprocess",
    "network",
    "optimizers",
    "positional_encoding",
    "profiling",
    "recurrent",
    "tensors",
    "tokenization",
    "training",
    "transformer",
)

__all__ = ["__version__", *_HOME, *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(_HOME[name]), name)
        globals()[name] = value
        return value
    if name in _ROOMS:
        return import_module(f"dlviz.{name}")
    near = difflib.get_close_matches(name.lower(), __all__, n=1)
    hint = f"did you mean dlviz.{near[0]}?" if near else "dir(dlviz) lists what it offers"
    raise AttributeError(f"module 'dlviz' has no attribute {name!r}; {hint}")


def __dir__() -> list[str]:
    return sorted(__all__)


if "google.colab" in sys.modules:  # Colab draws the widgets of packages other than its own only when told to
    with suppress(ImportError, AttributeError):
        import_module("google.colab.output").enable_custom_widget_manager()
