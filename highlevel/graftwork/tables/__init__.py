"""Tables and text on the host: strings, their hashes, vocabularies, words, quantiles.

Layers turn what is found here into tensors; no layer is known here.
"""
