"""Cases of layers: at least one for every layer, more where arguments change what is computed."""

from __future__ import annotations

import numpy as np

from . import windows
from .compare import Case, case, make

TOKENS = np.array([[3, 1, 2, 0], [1, 4, 0, 0]], dtype="int32")
SEQUENCE = (2, 5, 3)
IMAGE = (2, 6, 5, 4)

CASES: list[Case] = [
    # core
    case("Dense", (3, 5), units=4, activation="relu"),
    case("Dense", (2, 3, 5), units=2, use_bias=False, kernel_regularizer="l2"),
    case("Dense", (3, 5), units=4, kernel_constraint="max_norm", bias_initializer="ones"),
    case("EinsumDense", (2, 3, 5), equation="abc,cd->abd", output_shape=(3, 4), bias_axes="d"),
    case("Embedding", TOKENS, input_dim=6, output_dim=3),
    case("Embedding", TOKENS, input_dim=6, output_dim=3, mask_zero=True),
    case("Identity", (2, 3)),
    case("Masking", np.array([[[1, 2], [0, 0], [3, 4]]], "float32"), mask_value=0.0),
    case("Activation", (2, 3), activation="tanh"),
    # tables
    case("CategoryEncoding", TOKENS, num_tokens=6, gradient=False),
    case("CategoryEncoding", TOKENS, num_tokens=6, output_mode="count", gradient=False),
    case("CategoryEncoding", TOKENS, num_tokens=6, output_mode="one_hot", gradient=False),
    case("Discretization", (3, 4), bin_boundaries=[-0.5, 0.0, 0.5], gradient=False),
    case("Discretization", (3, 4), bin_boundaries=[0.0, 0.5], output_mode="count", gradient=False),
    # sound
    case("STFTSpectrogram", (2, 70, 2), frame_length=16, mode="magnitude"),
    case("STFTSpectrogram", (2, 70, 2), frame_length=16, mode="stft", expand_dims=True),
    case("MelSpectrogram", (2, 400), fft_length=128, sequence_stride=40, num_mel_bins=6),
    # activations
    case("ReLU", (3, 7)),
    case("ReLU", (3, 7), max_value=1.0, negative_slope=0.1, threshold=0.2),
    case("LeakyReLU", (3, 7), negative_slope=0.2),
    case("PReLU", (3, 4, 7), shared_axes=[1]),
    case("ELU", (3, 7), alpha=0.5),
    case("Softmax", (3, 7), axis=-1),
    case("Softmax", (3, 4, 5), axis=[1, 2]),
    # convolution and pooling
    case("Conv1D", SEQUENCE, filters=4, kernel_size=3, padding="causal", dilation_rate=2),
    case("Conv1D", SEQUENCE, filters=4, kernel_size=2, strides=2),
    case("Conv2D", IMAGE, filters=4, kernel_size=3, padding="same", strides=2),
    case("Conv2D", IMAGE, filters=6, kernel_size=3, groups=2, activation="relu"),
    case("DepthwiseConv2D", IMAGE, kernel_size=3, depth_multiplier=2, padding="same"),
    case("SeparableConv2D", IMAGE, filters=5, kernel_size=3),
    case("Conv2DTranspose", IMAGE, filters=3, kernel_size=3, strides=2, padding="same"),
    case("Conv2DTranspose", IMAGE, filters=3, kernel_size=3, strides=2, output_padding=1),
    case("MaxPooling1D", SEQUENCE, pool_size=2),
    case("AveragePooling1D", SEQUENCE, pool_size=3, strides=1, padding="same"),
    case("MaxPooling2D", IMAGE, pool_size=2, padding="same"),
    case("AveragePooling2D", IMAGE, pool_size=3, strides=2, padding="same"),
    case("GlobalAveragePooling1D", SEQUENCE),
    case("GlobalMaxPooling1D", SEQUENCE, keepdims=True),
    case("GlobalAveragePooling2D", IMAGE),
    case("GlobalMaxPooling2D", IMAGE),
    *windows.CASES,
    # shapes
    case("Flatten", IMAGE),
    case("Reshape", (2, 6), target_shape=(3, -1)),
    case("Permute", (2, 3, 4), dims=(2, 1)),
    case("RepeatVector", (2, 3), n=4),
    case("Cropping1D", SEQUENCE, cropping=(1, 2)),
    case("Cropping2D", IMAGE, cropping=((1, 0), (2, 1))),
    case("ZeroPadding1D", SEQUENCE, padding=2),
    case("ZeroPadding2D", IMAGE, padding=((1, 0), (0, 2))),
    case("UpSampling1D", SEQUENCE, size=2),
    case("UpSampling2D", IMAGE, size=(2, 3)),
    case("UpSampling2D", IMAGE, size=2, interpolation="bilinear"),
    # normalization
    case("BatchNormalization", IMAGE),
    case("BatchNormalization", IMAGE, center=False, epsilon=1e-2),
    case("LayerNormalization", (3, 4, 5)),
    case("LayerNormalization", (3, 4, 5), axis=[1, 2], scale=False),
    case("GroupNormalization", IMAGE, groups=2),
    case("RMSNormalization", (3, 5)),
    case("UnitNormalization", (3, 5)),
    # embeddings that lead back
    case("ReversibleEmbedding", TOKENS, input_dim=6, output_dim=4),
    case("ReversibleEmbedding", (2, 3, 4), input_dim=6, output_dim=4, call={"reverse": True}),
    case("ReversibleEmbedding", (2, 3, 4), input_dim=6, output_dim=4, tie_weights=False,
         logit_soft_cap=0.7, call={"reverse": True}),
    # merging
    case("Add", (2, 3), (2, 3), (2, 3)),
    case("Subtract", (2, 3), (2, 3)),
    case("Multiply", (2, 3), (2, 3)),
    case("Average", (2, 3), (2, 3)),
    case("Maximum", (2, 3), (2, 3)),
    case("Minimum", (2, 3), (2, 3)),
    case("Concatenate", (2, 3), (2, 4), axis=-1),
    case("Dot", (2, 3, 4), (2, 5, 4), axes=2),
    case("Dot", (2, 4), (2, 4), axes=1, normalize=True),
    # recurrent
    case("SimpleRNN", SEQUENCE, units=4, return_sequences=True),
    case("LSTM", SEQUENCE, units=4),
    case("LSTM", SEQUENCE, units=4, return_sequences=True, return_state=True, go_backwards=True),
    case("GRU", SEQUENCE, units=4),
    case("GRU", SEQUENCE, units=4, reset_after=False, return_sequences=True),
    case("Bidirectional", SEQUENCE, layer=make("layers.LSTM", units=3, name="inner"), config=False),
    case("TimeDistributed", SEQUENCE, layer=make("layers.Dense", units=3, name="inner"),
         config=False),
    case("RNN", SEQUENCE, cell=make("layers.GRUCell", units=3, name="cell"), config=False),
    # attention
    case("Attention", (2, 3, 4), (2, 5, 4)),
    case("AdditiveAttention", (2, 3, 4), (2, 5, 4)),
    case("MultiHeadAttention", (2, 3, 4), (2, 5, 4), num_heads=2, key_dim=3),
    case("GroupQueryAttention", (2, 3, 8), (2, 5, 8), head_dim=4, num_query_heads=4,
         num_key_value_heads=2),
    # regularization: silent where nothing is trained
    case("Dropout", (2, 3), rate=0.5),
    case("GaussianNoise", (2, 3), stddev=0.5),
    case("GaussianDropout", (2, 3), rate=0.5),
    case("SpatialDropout1D", SEQUENCE, rate=0.5),
    case("SpatialDropout2D", IMAGE, rate=0.5),
    case("SpatialDropout3D", (2, 3, 4, 2, 3), rate=0.5),
    case("AlphaDropout", (3, 4), rate=0.3),
    case("ActivityRegularization", (2, 3), l2=0.1),
    # preprocessing
    case("Rescaling", IMAGE, scale=0.5, offset=1.0),
    case("Resizing", IMAGE, height=4, width=8),
    case("Normalization", (4, 3), mean=[1.0, 2.0, 3.0], variance=[1.0, 4.0, 9.0]),
    case("CenterCrop", IMAGE, height=4, width=3),
]  # fmt: skip

BAD: list[Case] = [
    case("Dense", (3, 5), units=-1),
    case("Dense", (3, 5), units=4, activation="unheard"),
    case("Conv2D", (2, 6, 5, 4), filters=3, kernel_size=3, padding="around"),
    case("Conv2D", (2, 6, 5, 4), filters=5, kernel_size=3, groups=2),
    case("Conv2D", (2, 6), filters=5, kernel_size=3),
    case("Concatenate", (2, 3), (4, 4)),
    case("Add", (2, 3), (2, 4)),
    case("Reshape", (2, 6), target_shape=(4, 4)),
    case("Dropout", (2, 3), rate=1.5),
    case("LSTM", (2, 3), units=4),
    case("Dense", (3, 5), units=4, unheard=1),
]

# What is no computation by itself, and the reason why nothing is compared.
WITHOUT_CASE = {
    "Layer": "the base of all layers",
    "Wrapper": "the base of wrappers",
    "Pipeline": "a list of layers, compared one by one",
    "InputSpec": "no layer",
    "InputLayer": "compared in functional models",
    "Input": "compared in functional models",
    "RandomCrop": "compared in test_boxes.py",
    **dict.fromkeys(
        ("add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract"),
        "the layers of these names; compared in test_parity.py",
    ),
    "Lambda": "compared in saved models",
    "Hashing": "Keras needs TensorFlow for it: compared with golden values",
    "HashedCrossing": "Keras needs TensorFlow for it: compared with golden values",
    "IntegerLookup": "Keras needs TensorFlow for it: compared with golden values",
    "StringLookup": "Keras needs TensorFlow for it: compared with golden values",
    "TextVectorization": "Keras needs TensorFlow for it: compared with golden values",
    "StackedRNNCells": "compared inside of RNN",
    "LSTMCell": "compared inside of RNN",
    "GRUCell": "compared inside of RNN",
    "SimpleRNNCell": "compared inside of RNN",
}
