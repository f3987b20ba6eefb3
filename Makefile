# make demo   the whole job on this machine, about 12 minutes on 2 free cores, results in runs/demo
# make test   the test suite
# make lint   formatting, lint, types
# Each sets up .venv by itself; nothing but Python 3.11 or newer is needed.

PYTHON ?= python3
BIN := .venv/bin
export OMP_NUM_THREADS ?= 1

.PHONY: demo test lint clean

demo: .venv/ready
	$(BIN)/chiptrack demo --out runs/demo

test: .venv/ready
	$(BIN)/python -m pytest -q -n auto --maxprocesses 4

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright

clean:
	rm -rf .venv runs build *.egg-info

.venv/ready: pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(v < (3, 11) and "chiptrack needs Python 3.11 or newer, %s is %d.%d; name another with make PYTHON=..." % (sys.executable, v[0], v[1]))'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@# a server without libGL takes the build of OpenCV that needs none
	@$(BIN)/python -c 'import cv2' 2>/dev/null || { $(BIN)/pip uninstall --quiet -y opencv-python && $(BIN)/pip install --quiet opencv-python-headless; }
	@# NNI adapts a file of its own to a new torch when it is first imported; better now than in parallel processes
	$(BIN)/python -c 'import supernet.sharing.supernet'
	@touch $@
