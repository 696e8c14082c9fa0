"""Cases of layers that see places and channels: every rank, both orders, every padding."""

from __future__ import annotations

from typing import Any

from .compare import Case, case, make

SEQUENCE = (2, 5, 3)
IMAGE = (2, 6, 5, 4)
VOLUME = (2, 4, 5, 3, 2)
FIRST: dict[str, Any] = {"data_format": "channels_first"}

CASES: list[Case] = [
    case("Conv1D", (2, 3, 7), filters=4, kernel_size=3, padding="causal", **FIRST),
    case("Conv1D", (2, 4, 7), filters=4, kernel_size=3, padding="same", groups=2, **FIRST),
    case("Conv2D", (2, 4, 6, 5), filters=4, kernel_size=3, padding="same", strides=2, **FIRST),
    case("Conv3D", VOLUME, filters=4, kernel_size=(2, 3, 2), padding="same", strides=(1, 2, 2)),
    case("Conv3D", VOLUME, filters=4, kernel_size=2, groups=2, dilation_rate=2, activation="elu"),
    case("Conv3D", (2, 2, 4, 5, 3), filters=3, kernel_size=2, **FIRST),
    case("Conv1DTranspose", SEQUENCE, filters=3, kernel_size=3, strides=2, padding="same"),
    case("Conv1DTranspose", SEQUENCE, filters=3, kernel_size=4, strides=3, output_padding=2),
    case("Conv1DTranspose", (2, 3, 7), filters=3, kernel_size=3, dilation_rate=2, **FIRST),
    case("Conv2DTranspose", (2, 4, 6, 5), filters=3, kernel_size=3, strides=2, **FIRST),
    case("Conv3DTranspose", VOLUME, filters=3, kernel_size=(2, 3, 3), strides=2, padding="same"),
    case("Conv3DTranspose", (2, 2, 3, 2, 3), filters=3, kernel_size=2, strides=(2, 1, 2), **FIRST),
    case("DepthwiseConv1D", SEQUENCE, kernel_size=3, depth_multiplier=2, padding="same"),
    case("DepthwiseConv1D", (2, 3, 7), kernel_size=2, strides=2, **FIRST),
    case("DepthwiseConv2D", (2, 4, 6, 5), kernel_size=3, strides=2, padding="same", **FIRST),
    case("SeparableConv1D", SEQUENCE, filters=5, kernel_size=3, strides=2, padding="same"),
    case("SeparableConv1D", (2, 3, 7), filters=5, kernel_size=3, dilation_rate=2, **FIRST),
    case("SeparableConv2D", (2, 4, 6, 5), filters=5, kernel_size=3, depth_multiplier=2, **FIRST),
    *[
        case(f"ConvLSTM{len(places)}D", (2, 3, *places, 2), filters=3, kernel_size=2,
             padding="same", return_sequences=True, **more)
        for places in ((5,), (4, 3), (3, 2, 3))
        for more in ({}, {"strides": 2}, {"go_backwards": True, "unit_forget_bias": False})
    ],
    case("ConvLSTM2D", (2, 3, 2, 5, 4), filters=3, kernel_size=3, dropout=0.3, **FIRST),
    case("ConvLSTM1D", (2, 3, 2, 6), filters=2, kernel_size=3, dilation_rate=2,
         return_sequences=True, **FIRST),
    # pooling, sizes and frames
    *[
        case(f"{kind}Pooling{len(places)}D", shape, pool_size=3, strides=2, padding=padding,
             **more)
        for places in ((7,), (6, 5), (4, 5, 3))
        for shape, more in (((2, *places, 3), {}), ((2, 3, *places), FIRST))
        for padding in ("valid", "same")
        for kind in ("Max", "Average")
    ],
    *[
        case(f"Adaptive{kind}Pooling{len(places)}D", shape, output_size=(2, 4, 3)[: len(places)],
             **more)
        for places in ((7,), (6, 5), (4, 5, 3))
        for shape, more in (((2, *places, 3), {}), ((2, 3, *places), FIRST))
        for kind in ("Max", "Average")
    ],
    *[
        case(f"Global{kind}Pooling{len(places)}D", shape, keepdims=keepdims, **more)
        for places in ((7,), (6, 5), (4, 5, 3))
        for shape, more in (((2, *places, 3), {}), ((2, 3, *places), FIRST))
        for keepdims in (False, True)
        for kind in ("Max", "Average")
    ],
    case("UpSampling3D", VOLUME, size=(2, 1, 3)),
    case("UpSampling3D", (2, 3, 2, 2, 2), **FIRST),
    *[
        case("UpSampling2D", IMAGE, size=(2, 3), interpolation=interpolation)
        for interpolation in ("bicubic", "lanczos3", "lanczos5")
    ],
    case("UpSampling2D", (2, 3, 4, 2), interpolation="bilinear", **FIRST),
    case("ZeroPadding1D", (2, 3, 7), padding=(1, 2), **FIRST),
    case("ZeroPadding2D", (2, 3, 4, 5), padding=((1, 0), (2, 1)), **FIRST),
    case("ZeroPadding3D", VOLUME, padding=((1, 0), (2, 1), (0, 3))),
    case("ZeroPadding3D", (2, 3, 2, 2, 2), padding=(1, 2, 0), **FIRST),
    case("Cropping2D", (2, 3, 4, 5), cropping=((1, 0), (2, 1)), **FIRST),
    case("Cropping3D", VOLUME),
    case("Cropping3D", (2, 3, 3, 4, 4), cropping=((1, 0), (2, 1), (0, 1)), **FIRST),
    case("Flatten", (2, 3, 4, 5), **FIRST),
    # normalization
    case("GroupNormalization", (2, 3, 4), groups=-1),
    case("GroupNormalization", (2, 6, 4), groups=3, axis=1),
    case("BatchNormalization", (2, 3, 4, 5), axis=1),
    case("RMSNormalization", (2, 3, 5), axis=[1, 2]),
    case("UnitNormalization", (2, 3, 5), axis=[1, 2]),
    case("SpectralNormalization", (3, 5), layer=make("layers.Dense", units=4, name="inner"),
         config=False),
]  # fmt: skip
