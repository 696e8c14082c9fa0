"""Where arrays live; the only room that allocates."""
