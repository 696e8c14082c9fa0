# Every command makes its own environment first: `make demo`, `make test`, … are one step on a fresh machine.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
STAMP := $(VENV)/.installed
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow test-gpu test-interop parity bench bench-gpu lint format types docs fuzz clean

help:            ## show the commands
	@grep -E '^[a-z-]+: .*##|^[a-z-]+: +##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | expand -t 16

$(STAMP): pyproject.toml
	@command -v $(PYTHON) > /dev/null || \
	  { echo 'graftwork: $(PYTHON) was not found; set PYTHON=/path/to/python'; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "graftwork: Python 3.10 or newer is needed; got $$($(PYTHON) --version 2>&1). Set PYTHON=/path/to/python"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || \
	  { echo 'graftwork: $(PYTHON) cannot make environments; on Debian and Ubuntu: apt install python3-venv'; exit 1; }
	$(RUN) -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(STAMP)   ## transfer a shipped backbone to handwritten digits, with few labels
	$(RUN) examples/demo.py

# The tests run side by side already: threads of the matrix products beside them only get in their way.
test test-slow test-interop parity: export OPENBLAS_NUM_THREADS = 1

test: $(STAMP)   ## the ordinary tests
	$(RUN) -m pytest -n $(JOBS) -m "not slow and not interop"

test-slow: $(STAMP)  ## the tests that take longer; beside the peers too, once test-interop has installed them
	$(RUN) -m pytest -n $(JOBS) -m "slow"

# The extra for GPUs: that of the CUDA which the driver knows, unless GPU=gpu or GPU=gpu12 says so.
# PyTorch from 2.11 on is made for CUDA 13, too.
DRIVER = $(shell $(PYTHON) -c 'import ctypes; v = ctypes.c_int(13000); \
  ctypes.CDLL("libcuda.so.1").cuDriverGetVersion(ctypes.byref(v)); print(v.value)' 2> /dev/null)
GPU ?= $(if $(filter 12%,$(DRIVER)),gpu12,gpu)
GPU_INSTALL = $(RUN) -m pip install --quiet --disable-pip-version-check
define NEEDS_GPU
	@[ -n "$(DRIVER)" ] || \
	  { echo '$@: there is no driver of an NVIDIA GPU here (libcuda.so.1 was not found): nothing is run'; exit 1; }
endef

# Processes beside run the tests: where a kernel breaks the device, the next one goes on. Most of the
# time goes into compiling kernels, for which several take turns.
GPU_JOBS ?= 4
test-gpu: $(STAMP)   ## every op, layers and memory on a GPU, beside the CPU; needs one
	$(NEEDS_GPU)
	$(GPU_INSTALL) --editable '.[dev,$(GPU)]'
	$(RUN) -c 'import graftgrad; graftgrad.show_config()'
	$(RUN) -m pytest -n $(GPU_JOBS) --max-worker-restart 500 -m "gpu" tests

test-interop: $(STAMP)  ## the tests beside Keras, PyTorch and onnxruntime, which are installed for them
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[dev,interop]'
	$(RUN) -m pytest -n $(JOBS) -m "interop and not slow"

# BENCH="--only mlp --repeats 3" says what is measured, and how often.
parity: $(STAMP)  ## every name of Keras beside Keras itself, which is installed for it
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[dev,parity]'
	KERAS_BACKEND=jax $(RUN) -m pytest -n $(JOBS) -q -m "not slow" tests/parity
	PYTHONPATH=tests KERAS_BACKEND=jax $(RUN) -m parity

bench: $(STAMP)  ## every workload beside PyTorch and Keras, which are installed for it
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[dev,bench]'
	$(RUN) -m benchmarks $(BENCH)

# BENCH="--only mlp-32 --forms graftwork torch" says what is measured. Without a GPU nothing is.
bench-gpu: $(STAMP)  ## training on a GPU beside PyTorch: eager, compiled, with CUDA graphs
	$(NEEDS_GPU)
	$(GPU_INSTALL) --editable '.[dev,$(GPU)]' \
	  'torch>=2.4,$(if $(filter gpu12,$(GPU)),<2.11,<2.14)'
	$(RUN) -c 'import graftgrad; graftgrad.show_config()'
	$(RUN) -m benchmarks.gpu $(BENCH)

lint: $(STAMP)   ## style
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .

format: $(STAMP) ## put the code into form
	$(RUN) -m ruff format .
	$(RUN) -m ruff check --fix .

types: $(STAMP)  ## types
	$(RUN) -m mypy

# FUZZ="--target hdf5 --seconds 600 --seed 7" says what, how long and from where on.
fuzz: $(STAMP)   ## edited files of every format, a minute for each reader
	PYTHONPATH=tests $(RUN) -m fuzz $(FUZZ)

docs: $(STAMP)   ## build the documentation into site/
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(RUN) -m mkdocs build --quiet --strict

clean:           ## remove the environment and everything made
	rm -rf $(VENV) site build dist demo_output .pytest_cache .mypy_cache .ruff_cache
