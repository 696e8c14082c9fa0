"""Keras' functions of neural networks, in one place."""

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
from .reduction import (
    moments as moments,
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
