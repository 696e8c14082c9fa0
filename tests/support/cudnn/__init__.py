"""Plans of cuDNN for a GPU that is not there: its description, and a driver that only lets plan."""
