"""Binary cross-entropy of fused probabilities, from logarithms in float32."""

import torch
from torch import Tensor


def fused_bce(log_occupied: Tensor, log_free: Tensor, target: Tensor) -> Tensor:
    """Mean of -[t log p + (1 - t) log (1 - p)] over (B, C, X, Y, Z); `target` is bool of that shape."""
    return -torch.where(target, log_occupied, log_free).mean()
