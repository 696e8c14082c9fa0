"""Layers that change pictures at random, so that a network sees none of them twice."""

from .clahe import ContrastLimitedAdaptiveHistogramEqualization
from .colors import (
    RandomBrightness,
    RandomColorDegeneration,
    RandomColorJitter,
    RandomContrast,
    RandomGrayscale,
    RandomHue,
    RandomSaturation,
)
from .geometry import RandomFlip, RandomRotation, RandomShear, RandomTranslation, RandomZoom
from .mixing import CutMix, MixUp
from .policies import AugMix, Pipeline, RandAugment
from .sizes import CenterCrop, MaxNumBoundingBoxes, RandomCrop, Resizing
from .tones import AutoContrast, Equalization, RandomInvert, RandomPosterization, Solarization
from .windows import (
    RandomElasticTransform,
    RandomErasing,
    RandomGaussianBlur,
    RandomPerspective,
    RandomSharpness,
)

__all__ = [
    "AugMix",
    "AutoContrast",
    "CenterCrop",
    "ContrastLimitedAdaptiveHistogramEqualization",
    "CutMix",
    "Equalization",
    "MaxNumBoundingBoxes",
    "MixUp",
    "Pipeline",
    "RandAugment",
    "RandomBrightness",
    "RandomColorDegeneration",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomElasticTransform",
    "RandomErasing",
    "RandomFlip",
    "RandomGaussianBlur",
    "RandomGrayscale",
    "RandomHue",
    "RandomInvert",
    "RandomPerspective",
    "RandomPosterization",
    "RandomRotation",
    "RandomSaturation",
    "RandomSharpness",
    "RandomShear",
    "RandomTranslation",
    "RandomZoom",
    "Resizing",
    "Solarization",
]
