"""Transforms of functions under the names of `torch.func`: one sample to many, gradients.

`functional` has those that return numbers at once, under the names of `torch.autograd.functional`.
"""

from .call import functional_call
from .gradients import grad, grad_and_value, hessian, jacfwd, jacrev, jvp, vjp
from .vmap import vmap

__all__ = [
    "functional_call",
    "grad",
    "grad_and_value",
    "hessian",
    "jacfwd",
    "jacrev",
    "jvp",
    "vjp",
    "vmap",
]
