"""The known attacks on loaders of models, as a table: each is built, tried and told in a guide."""
