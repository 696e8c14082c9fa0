"""What tests need to run CUDA C++ on the processor."""
