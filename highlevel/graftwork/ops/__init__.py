"""Functions of tensors, host arrays, numbers and symbols, under Keras' names."""

from ..layers import symbol as _symbol
from . import image as image
from . import linalg as linalg
from . import nn as nn
from . import numpy as numpy
from .activation import (
    celu as celu,
)
from .activation import (
    elu as elu,
)
from .activation import (
    gelu as gelu,
)
from .activation import (
    glu as glu,
)
from .activation import (
    hard_shrink as hard_shrink,
)
from .activation import (
    hard_sigmoid as hard_sigmoid,
)
from .activation import (
    hard_silu as hard_silu,
)
from .activation import (
    hard_swish as hard_swish,
)
from .activation import (
    hard_tanh as hard_tanh,
)
from .activation import (
    leaky_relu as leaky_relu,
)
from .activation import (
    log_sigmoid as log_sigmoid,
)
from .activation import (
    log_softmax as log_softmax,
)
from .activation import (
    relu as relu,
)
from .activation import (
    relu6 as relu6,
)
from .activation import (
    selu as selu,
)
from .activation import (
    sigmoid as sigmoid,
)
from .activation import (
    silu as silu,
)
from .activation import (
    soft_shrink as soft_shrink,
)
from .activation import (
    softmax as softmax,
)
from .activation import (
    softplus as softplus,
)
from .activation import (
    softsign as softsign,
)
from .activation import (
    sparse_plus as sparse_plus,
)
from .activation import (
    sparse_sigmoid as sparse_sigmoid,
)
from .activation import (
    sparsemax as sparsemax,
)
from .activation import (
    squareplus as squareplus,
)
from .activation import (
    swish as swish,
)
from .activation import (
    tanh_shrink as tanh_shrink,
)
from .activation import (
    threshold as threshold,
)
from .arrangement import (
    append as append,
)
from .arrangement import (
    array_split as array_split,
)
from .arrangement import (
    broadcast_to as broadcast_to,
)
from .arrangement import (
    concatenate as concatenate,
)
from .arrangement import (
    diag as diag,
)
from .arrangement import (
    diagflat as diagflat,
)
from .arrangement import (
    diagonal as diagonal,
)
from .arrangement import (
    diff as diff,
)
from .arrangement import (
    dsplit as dsplit,
)
from .arrangement import (
    dstack as dstack,
)
from .arrangement import (
    expand_dims as expand_dims,
)
from .arrangement import (
    flip as flip,
)
from .arrangement import (
    fliplr as fliplr,
)
from .arrangement import (
    flipud as flipud,
)
from .arrangement import (
    get_item as get_item,
)
from .arrangement import (
    hsplit as hsplit,
)
from .arrangement import (
    hstack as hstack,
)
from .arrangement import (
    meshgrid as meshgrid,
)
from .arrangement import (
    moveaxis as moveaxis,
)
from .arrangement import (
    pad as pad,
)
from .arrangement import (
    ravel as ravel,
)
from .arrangement import (
    repeat as repeat,
)
from .arrangement import (
    reshape as reshape,
)
from .arrangement import (
    roll as roll,
)
from .arrangement import (
    rot90 as rot90,
)
from .arrangement import (
    split as split,
)
from .arrangement import (
    squeeze as squeeze,
)
from .arrangement import (
    stack as stack,
)
from .arrangement import (
    swapaxes as swapaxes,
)
from .arrangement import (
    tile as tile,
)
from .arrangement import (
    trace as trace,
)
from .arrangement import (
    transpose as transpose,
)
from .arrangement import (
    tril as tril,
)
from .arrangement import (
    triu as triu,
)
from .arrangement import (
    unstack as unstack,
)
from .arrangement import (
    vsplit as vsplit,
)
from .arrangement import (
    vstack as vstack,
)
from .binary import (
    add as add,
)
from .binary import (
    allclose as allclose,
)
from .binary import (
    arctan2 as arctan2,
)
from .binary import (
    bitwise_and as bitwise_and,
)
from .binary import (
    bitwise_left_shift as bitwise_left_shift,
)
from .binary import (
    bitwise_or as bitwise_or,
)
from .binary import (
    bitwise_right_shift as bitwise_right_shift,
)
from .binary import (
    bitwise_xor as bitwise_xor,
)
from .binary import (
    divide as divide,
)
from .binary import (
    divide_no_nan as divide_no_nan,
)
from .binary import (
    equal as equal,
)
from .binary import (
    floor_divide as floor_divide,
)
from .binary import (
    fmax as fmax,
)
from .binary import (
    fmin as fmin,
)
from .binary import (
    fmod as fmod,
)
from .binary import (
    gcd as gcd,
)
from .binary import (
    greater as greater,
)
from .binary import (
    greater_equal as greater_equal,
)
from .binary import (
    heaviside as heaviside,
)
from .binary import (
    hypot as hypot,
)
from .binary import (
    isclose as isclose,
)
from .binary import (
    lcm as lcm,
)
from .binary import (
    ldexp as ldexp,
)
from .binary import (
    left_shift as left_shift,
)
from .binary import (
    less as less,
)
from .binary import (
    less_equal as less_equal,
)
from .binary import (
    logaddexp as logaddexp,
)
from .binary import (
    logaddexp2 as logaddexp2,
)
from .binary import (
    logical_and as logical_and,
)
from .binary import (
    logical_or as logical_or,
)
from .binary import (
    logical_xor as logical_xor,
)
from .binary import (
    maximum as maximum,
)
from .binary import (
    minimum as minimum,
)
from .binary import (
    mod as mod,
)
from .binary import (
    multiply as multiply,
)
from .binary import (
    nextafter as nextafter,
)
from .binary import (
    not_equal as not_equal,
)
from .binary import (
    power as power,
)
from .binary import (
    right_shift as right_shift,
)
from .binary import (
    subtract as subtract,
)
from .binary import (
    true_divide as true_divide,
)
from .binary import (
    where as where,
)
from .control import (
    associative_scan as associative_scan,
)
from .control import (
    cond as cond,
)
from .control import (
    custom_gradient as custom_gradient,
)
from .control import (
    fori_loop as fori_loop,
)
from .control import (
    map as map,
)
from .control import (
    scan as scan,
)
from .control import (
    stop_gradient as stop_gradient,
)
from .control import (
    switch as switch,
)
from .control import (
    vectorized_map as vectorized_map,
)
from .control import (
    while_loop as while_loop,
)
from .creation import (
    arange as arange,
)
from .creation import (
    array as array,
)
from .creation import (
    bartlett as bartlett,
)
from .creation import (
    blackman as blackman,
)
from .creation import (
    cast as cast,
)
from .creation import (
    convert_to_numpy as convert_to_numpy,
)
from .creation import (
    convert_to_tensor as convert_to_tensor,
)
from .creation import (
    dtype as dtype,
)
from .creation import (
    empty as empty,
)
from .creation import (
    empty_like as empty_like,
)
from .creation import (
    eye as eye,
)
from .creation import (
    full as full,
)
from .creation import (
    full_like as full_like,
)
from .creation import (
    geomspace as geomspace,
)
from .creation import (
    hamming as hamming,
)
from .creation import (
    hanning as hanning,
)
from .creation import (
    identity as identity,
)
from .creation import (
    is_tensor as is_tensor,
)
from .creation import (
    kaiser as kaiser,
)
from .creation import (
    linspace as linspace,
)
from .creation import (
    logspace as logspace,
)
from .creation import (
    ndim as ndim,
)
from .creation import (
    ones as ones,
)
from .creation import (
    ones_like as ones_like,
)
from .creation import (
    saturate_cast as saturate_cast,
)
from .creation import (
    shape as shape,
)
from .creation import (
    size as size,
)
from .creation import (
    tri as tri,
)
from .creation import (
    vander as vander,
)
from .creation import (
    view as view,
)
from .creation import (
    zeros as zeros,
)
from .creation import (
    zeros_like as zeros_like,
)
from .einops import (
    rearrange as rearrange,
)
from .elementwise import (
    abs as abs,
)
from .elementwise import (
    absolute as absolute,
)
from .elementwise import (
    angle as angle,
)
from .elementwise import (
    arccos as arccos,
)
from .elementwise import (
    arccosh as arccosh,
)
from .elementwise import (
    arcsin as arcsin,
)
from .elementwise import (
    arcsinh as arcsinh,
)
from .elementwise import (
    arctan as arctan,
)
from .elementwise import (
    arctanh as arctanh,
)
from .elementwise import (
    bitwise_invert as bitwise_invert,
)
from .elementwise import (
    bitwise_not as bitwise_not,
)
from .elementwise import (
    cbrt as cbrt,
)
from .elementwise import (
    ceil as ceil,
)
from .elementwise import (
    clip as clip,
)
from .elementwise import (
    conj as conj,
)
from .elementwise import (
    conjugate as conjugate,
)
from .elementwise import (
    copy as copy,
)
from .elementwise import (
    cos as cos,
)
from .elementwise import (
    cosh as cosh,
)
from .elementwise import (
    deg2rad as deg2rad,
)
from .elementwise import (
    exp as exp,
)
from .elementwise import (
    exp2 as exp2,
)
from .elementwise import (
    expm1 as expm1,
)
from .elementwise import (
    fabs as fabs,
)
from .elementwise import (
    floor as floor,
)
from .elementwise import (
    i0 as i0,
)
from .elementwise import (
    imag as imag,
)
from .elementwise import (
    isfinite as isfinite,
)
from .elementwise import (
    isinf as isinf,
)
from .elementwise import (
    isnan as isnan,
)
from .elementwise import (
    isneginf as isneginf,
)
from .elementwise import (
    isposinf as isposinf,
)
from .elementwise import (
    isreal as isreal,
)
from .elementwise import (
    log as log,
)
from .elementwise import (
    log1p as log1p,
)
from .elementwise import (
    log2 as log2,
)
from .elementwise import (
    log10 as log10,
)
from .elementwise import (
    logical_not as logical_not,
)
from .elementwise import (
    nan_to_num as nan_to_num,
)
from .elementwise import (
    negative as negative,
)
from .elementwise import (
    rad2deg as rad2deg,
)
from .elementwise import (
    real as real,
)
from .elementwise import (
    reciprocal as reciprocal,
)
from .elementwise import (
    round as round,
)
from .elementwise import (
    sign as sign,
)
from .elementwise import (
    signbit as signbit,
)
from .elementwise import (
    sin as sin,
)
from .elementwise import (
    sinc as sinc,
)
from .elementwise import (
    sinh as sinh,
)
from .elementwise import (
    sqrt as sqrt,
)
from .elementwise import (
    square as square,
)
from .elementwise import (
    tan as tan,
)
from .elementwise import (
    tanh as tanh,
)
from .elementwise import (
    trunc as trunc,
)
from .linalg import (
    cholesky as cholesky,
)
from .linalg import (
    cholesky_inverse as cholesky_inverse,
)
from .linalg import (
    det as det,
)
from .linalg import (
    eig as eig,
)
from .linalg import (
    eigh as eigh,
)
from .linalg import (
    inv as inv,
)
from .linalg import (
    jvp as jvp,
)
from .linalg import (
    logdet as logdet,
)
from .linalg import (
    lstsq as lstsq,
)
from .linalg import (
    lu_factor as lu_factor,
)
from .linalg import (
    matrix_rank as matrix_rank,
)
from .linalg import (
    norm as norm,
)
from .linalg import (
    pinv as pinv,
)
from .linalg import (
    qr as qr,
)
from .linalg import (
    solve as solve,
)
from .linalg import (
    solve_triangular as solve_triangular,
)
from .linalg import (
    svd as svd,
)
from .math import (
    cdist as cdist,
)
from .math import (
    erf as erf,
)
from .math import (
    erfc as erfc,
)
from .math import (
    erfinv as erfinv,
)
from .math import (
    fft as fft,
)
from .math import (
    fft2 as fft2,
)
from .math import (
    ifft2 as ifft2,
)
from .math import (
    irfft as irfft,
)
from .math import (
    istft as istft,
)
from .math import (
    rfft as rfft,
)
from .math import (
    rsqrt as rsqrt,
)
from .math import (
    segment_max as segment_max,
)
from .math import (
    segment_min as segment_min,
)
from .math import (
    segment_prod as segment_prod,
)
from .math import (
    segment_sum as segment_sum,
)
from .math import (
    stft as stft,
)
from .math import (
    view_as_complex as view_as_complex,
)
from .math import (
    view_as_real as view_as_real,
)
from .nn_parts import (
    batch_normalization as batch_normalization,
)
from .nn_parts import (
    binary_crossentropy as binary_crossentropy,
)
from .nn_parts import (
    categorical_crossentropy as categorical_crossentropy,
)
from .nn_parts import (
    ctc_decode as ctc_decode,
)
from .nn_parts import (
    ctc_loss as ctc_loss,
)
from .nn_parts import (
    dot_product_attention as dot_product_attention,
)
from .nn_parts import (
    layer_normalization as layer_normalization,
)
from .nn_parts import (
    multi_hot as multi_hot,
)
from .nn_parts import (
    normalize as normalize,
)
from .nn_parts import (
    one_hot as one_hot,
)
from .nn_parts import (
    polar as polar,
)
from .nn_parts import (
    psnr as psnr,
)
from .nn_parts import (
    rms_normalization as rms_normalization,
)
from .nn_parts import (
    sparse_categorical_crossentropy as sparse_categorical_crossentropy,
)
from .products import (
    corrcoef as corrcoef,
)
from .products import (
    correlate as correlate,
)
from .products import (
    cross as cross,
)
from .products import (
    dot as dot,
)
from .products import (
    einsum as einsum,
)
from .products import (
    inner as inner,
)
from .products import (
    kron as kron,
)
from .products import (
    matmul as matmul,
)
from .products import (
    outer as outer,
)
from .products import (
    slogdet as slogdet,
)
from .products import (
    tensordot as tensordot,
)
from .products import (
    trapezoid as trapezoid,
)
from .products import (
    vdot as vdot,
)
from .products import (
    vectorize as vectorize,
)
from .reduction import (
    all as all,
)
from .reduction import (
    amax as amax,
)
from .reduction import (
    amin as amin,
)
from .reduction import (
    any as any,
)
from .reduction import (
    argmax as argmax,
)
from .reduction import (
    argmin as argmin,
)
from .reduction import (
    average as average,
)
from .reduction import (
    count_nonzero as count_nonzero,
)
from .reduction import (
    cumprod as cumprod,
)
from .reduction import (
    cumsum as cumsum,
)
from .reduction import (
    logsumexp as logsumexp,
)
from .reduction import (
    max as max,
)
from .reduction import (
    mean as mean,
)
from .reduction import (
    min as min,
)
from .reduction import (
    moments as moments,
)
from .reduction import (
    prod as prod,
)
from .reduction import (
    ptp as ptp,
)
from .reduction import (
    std as std,
)
from .reduction import (
    sum as sum,
)
from .reduction import (
    var as var,
)
from .scatter import (
    scatter as scatter,
)
from .scatter import (
    scatter_update as scatter_update,
)
from .scatter import (
    slice as slice,
)
from .scatter import (
    slice_update as slice_update,
)
from .selection import (
    argpartition as argpartition,
)
from .selection import (
    argsort as argsort,
)
from .selection import (
    bincount as bincount,
)
from .selection import (
    digitize as digitize,
)
from .selection import (
    histogram as histogram,
)
from .selection import (
    in_top_k as in_top_k,
)
from .selection import (
    isin as isin,
)
from .selection import (
    nonzero as nonzero,
)
from .selection import (
    searchsorted as searchsorted,
)
from .selection import (
    select as select,
)
from .selection import (
    sort as sort,
)
from .selection import (
    take as take,
)
from .selection import (
    take_along_axis as take_along_axis,
)
from .selection import (
    top_k as top_k,
)
from .selection import (
    unique as unique,
)
from .selection import (
    unravel_index as unravel_index,
)
from .windows import (
    adaptive_average_pool as adaptive_average_pool,
)
from .windows import (
    adaptive_max_pool as adaptive_max_pool,
)
from .windows import (
    average_pool as average_pool,
)
from .windows import (
    conv as conv,
)
from .windows import (
    conv_transpose as conv_transpose,
)
from .windows import (
    depth_to_space as depth_to_space,
)
from .windows import (
    depthwise_conv as depthwise_conv,
)
from .windows import (
    extract_sequences as extract_sequences,
)
from .windows import (
    fold as fold,
)
from .windows import (
    max_pool as max_pool,
)
from .windows import (
    separable_conv as separable_conv,
)
from .windows import (
    space_to_depth as space_to_depth,
)
from .windows import (
    unfold as unfold,
)
from .without_nan import (
    median as median,
)
from .without_nan import (
    nanargmax as nanargmax,
)
from .without_nan import (
    nanargmin as nanargmin,
)
from .without_nan import (
    nancumprod as nancumprod,
)
from .without_nan import (
    nancumsum as nancumsum,
)
from .without_nan import (
    nanmax as nanmax,
)
from .without_nan import (
    nanmean as nanmean,
)
from .without_nan import (
    nanmedian as nanmedian,
)
from .without_nan import (
    nanmin as nanmin,
)
from .without_nan import (
    nanpercentile as nanpercentile,
)
from .without_nan import (
    nanprod as nanprod,
)
from .without_nan import (
    nanquantile as nanquantile,
)
from .without_nan import (
    nanstd as nanstd,
)
from .without_nan import (
    nansum as nansum,
)
from .without_nan import (
    nanvar as nanvar,
)
from .without_nan import (
    percentile as percentile,
)
from .without_nan import (
    quantile as quantile,
)

for _name in (
    "absolute", "add", "divide", "floor_divide", "get_item", "greater", "greater_equal", "less",
    "less_equal", "logical_and", "logical_not", "logical_or", "logical_xor", "matmul", "mod",
    "multiply", "negative", "power", "reshape", "round", "squeeze", "subtract", "transpose",
):  # fmt: skip
    _symbol.functions[_name] = globals()[_name]
