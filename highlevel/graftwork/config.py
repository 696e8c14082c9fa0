"""What holds for the whole library, under Keras' names: the policy of element types."""

from .policy import dtype_policy, set_dtype_policy

__all__ = ["dtype_policy", "set_dtype_policy"]
