"""What tests lean on and no user imports."""
