"""Models: sequential, functional, subclassed."""
