"""Training on one GPU beside PyTorch: eager, compiled, and with CUDA graphs, in the same run."""
