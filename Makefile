# Établi: two commands. `make run` runs the practicals on sample data; `make test` runs the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV := 0.13.9
TORCH := 2.13.0
FLAGS ?=
BENCH := .venv-bench

.PHONY: help setup run screenshots bench-playground docs notebooks figures models messages test mutants test-torch verify stress lint reproduce bench-env bench bench-gpu lock clean

help:            ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/  /'

setup: $(STAMP)  ## create .venv from the lock file

$(STAMP): requirements/dev.lock pyproject.toml
	@echo "== setting up $(VENV) from requirements/dev.lock"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip sync --quiet --require-hashes requirements/dev.lock
	@VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	@touch $(STAMP)

run: setup       ## run every practical on sample data
	@$(BIN)/etabli run --jobs 2 --out runs/sample --overwrite $(FLAGS)
	@echo "Open the playground: $(BIN)/etabli serve"

screenshots: setup  ## take a screenshot of every page, from runs/sample (needs chromium)
	@$(BIN)/python tools/screenshots.py runs docs/screenshots

bench-playground: setup  ## measure the playground's response times, and with fifty clients; writes docs/playground.md
	@$(BIN)/python benchmarks/serve_latency.py runs --page docs/playground.md
	@$(BIN)/python benchmarks/serve_clients.py runs --page docs/playground.md

docs: setup      ## build the documentation site into build/site (open index.html: it needs no server)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet && echo "build/site/index.html"

notebooks: setup ## write every practical as a notebook into build/notebooks
	@$(BIN)/python tools/notebooks.py

figures: setup   ## draw the figures of the practicals' pages, from sample runs in both languages
	@$(BIN)/etabli run --out runs/figures-en --overwrite
	@$(BIN)/etabli --lang fr run --out runs/figures-fr --overwrite
	@$(BIN)/python tools/site_figures.py runs/figures-en runs/figures-fr

models: setup    ## train the nets that the playground ships, on full data (40 minutes)
	@$(BIN)/python tools/pretrained.py

messages: setup  ## update the French catalog from the source; lists what is not translated yet
	@$(BIN)/python tools/messages.py

test: setup      ## run the tests (ETABLI_DATA=<folder> adds those on full data)
	@$(BIN)/python -m pytest --numprocesses logical --dist loadfile --durations 20 $(FLAGS)

verify: setup    ## verify the quick rows of README's table on full data (half a minute); cited numbers are listed
	@$(BIN)/etabli verify docs/claims.json --max-seconds 14 --seeds 1 --out runs/verify --overwrite $(FLAGS)
	@$(BIN)/etabli verify docs/literature.json --out runs/verify-literature --overwrite

stress: setup    ## stress test: kill every long command twenty times, fuzz the readers with a million inputs (FLAGS="--kills 5 --only poetry")
	@$(BIN)/python tools/stress.py --write $(FLAGS)

mutants: setup   ## put some sixty faults into a copy of the code, and see which the tests find; writes docs/faults.md
	@$(BIN)/python tools/mutation.py --write $(FLAGS)

test-torch:      ## run the tests of the models on PyTorch, in .venv-torch; writes docs/backends.md
	@test -x .venv-torch/bin/python || $(PYTHON) -m venv .venv-torch
	@test -x .venv-torch/bin/uv || .venv-torch/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	@VIRTUAL_ENV=$(CURDIR)/.venv-torch .venv-torch/bin/uv pip install --quiet --require-hashes -r requirements/dev.lock
	@VIRTUAL_ENV=$(CURDIR)/.venv-torch .venv-torch/bin/uv pip install --quiet --no-deps --no-build-isolation -e .
	@.venv-torch/bin/python -m pip install --quiet --disable-pip-version-check torch==$(TORCH)
	@.venv-torch/bin/python tools/backends.py torch

lint: setup      ## check style and types
	@$(BIN)/ruff check src tests tools benchmarks && $(BIN)/ruff format --check src tests tools benchmarks && $(BIN)/mypy

reproduce: setup ## run every practical on full data with all seeds; writes docs/results.md (ONLY="tp1" for a part)
	@$(BIN)/python tools/reproduce.py $(ONLY) $(FLAGS)

bench-env: $(BENCH)/.installed  ## create the environment of the benchmarks, with the other libraries (TensorFlow, PyTorch and others: 9 GB)

$(BENCH)/.installed: requirements/bench.lock pyproject.toml
	@echo "== setting up $(BENCH) from requirements/bench.lock"
	@test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	@test -x $(BENCH)/bin/uv || $(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV)
	@VIRTUAL_ENV=$(CURDIR)/$(BENCH) $(BENCH)/bin/uv pip sync --quiet --require-hashes requirements/bench.lock
	@VIRTUAL_ENV=$(CURDIR)/$(BENCH) $(BENCH)/bin/uv pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

bench: setup bench-env ## run all benchmarks (25 minutes; ONLY="mlp_epoch tsne" for some, ROUNDS=3 for fewer rounds); writes docs/benchmarks.md
	@$(BENCH)/bin/python benchmarks/run_all.py $(ONLY) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(MINUTES),--minutes $(MINUTES))

bench-gpu: setup ## measure features, an epoch and every experiment on a GPU (etabli[gpu]; under 8 minutes)
	@$(BIN)/python benchmarks/gpu.py $(FLAGS)
	@$(BIN)/python benchmarks/write_page.py gpu

# Every extra but gpu (three gigabytes of CUDA), heic, notebook and umap: they are not needed for development.
EXTRAS := --extra cluster --extra neighbors --extra onnx --extra openvino --extra pandas --extra parquet

lock:            ## write the lock files from pyproject.toml
	@$(BIN)/uv pip compile --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
	  $(EXTRAS) --group dev pyproject.toml -o requirements/dev.lock --quiet --no-emit-index-url --no-header
	@$(BIN)/uv pip compile --universal --fork-strategy fewest --python-version 3.11 --generate-hashes \
	  $(EXTRAS) --group dev --group bench -c requirements/dev.lock pyproject.toml -o requirements/bench.lock \
	  --quiet --no-emit-index-url --no-header

clean:           ## remove everything that was built, but not runs
	@rm -rf $(VENV) dist build
