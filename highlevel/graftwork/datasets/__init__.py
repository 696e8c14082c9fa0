"""Small data sets that people learn with, from their publishers, under Keras' names."""

from . import boston_housing, california_housing, cifar10, cifar100, fashion_mnist, mnist

__all__ = ["boston_housing", "california_housing", "cifar10", "cifar100", "fashion_mnist", "mnist"]
