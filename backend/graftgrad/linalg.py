"""Linear algebra over batches of matrices, with gradients of any order, under NumPy's names.

What only PyTorch names (`solve_triangular`, `lu`, `matrix_exp`) is named as there. All take real
and complex matrices of single and double precision.
"""

from __future__ import annotations

from .ops.linalg_det import det, slogdet
from .ops.linalg_eig import eig, eigh, eigvals, eigvalsh
from .ops.linalg_factor import cholesky, lu, qr
from .ops.linalg_lu import lu_factor, lu_solve
from .ops.linalg_norm import cond, matrix_norm, norm, vector_norm
from .ops.linalg_power import cross, matrix_exp, matrix_power, multi_dot
from .ops.linalg_solve import inv, solve, solve_triangular
from .ops.linalg_svd import lstsq, matrix_rank, pinv, svd, svdvals
from .ops.matmul import matmul
from .tensor.dispatch import ROOMS

ROOMS["numpy.linalg"] = globals()

__all__ = [
    "cholesky",
    "cond",
    "cross",
    "det",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "vector_norm",
]
