"""The tensor: values, a place in the graph, and the operators people write without thinking.

What the operators compute stands in `ops`; how gradients flow in `engine`.
"""

from .core import Tensor as Tensor
from .core import as_tensor as as_tensor
from .core import tensor as tensor
