"""Every network by its name."""

from collections.abc import Callable
from typing import Any

from scenegen.core.errors import UsageError
from torch import nn

from scenetrain.networks.everted.network import EvertedUNet

MODELS: dict[str, Callable[..., nn.Module]] = {"everted": EvertedUNet}


def check_model_name(name: str) -> None:
    """Raise UsageError for a name that is not known."""
    if name not in MODELS:
        raise UsageError(f"no model {name!r}; known: {', '.join(sorted(MODELS))}")


def create_model(name: str, **options: Any) -> nn.Module:
    """Build a network by name; `options` are its constructor's. Raises UsageError for a name that is not known."""
    check_model_name(name)
    return MODELS[name](**options)
