"""Side by side with PyTorch and every Keras on the same CPU: `make bench`; see README.md."""
