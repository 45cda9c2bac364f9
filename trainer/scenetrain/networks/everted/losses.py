"""Binary cross-entropy of fused probabilities, from logarithms in float32."""

from torch import Tensor

from scenetrain.blocks.fusion import FusedViews, LogProbabilities


def fused_bce(answer: FusedViews | LogProbabilities, target: Tensor) -> Tensor:
    """Mean of -[t log p + (1 - t) log (1 - p)] over (B, C, X, Y, Z); `target` is bool of that shape."""
    return -answer.of(target).mean()
