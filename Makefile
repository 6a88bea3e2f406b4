# Needs Python 3.11 or newer with venv, and make. Everything else comes from requirements/.
SHELL := bash
.SHELLFLAGS := -o pipefail -c
PYTHON ?= python3
PORT   ?= 8000
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
BEGUN  := $(VENV)/.begun
TORCH  := $(VENV)/.torch
PEERS  := $(VENV)/.peers
NODE   := $(VENV)/.node
READER := $(VENV)/reader
LINTERS := $(VENV)/linters
FORWARD := $(VENV)/forward
SITE   := _build/html
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11) and \
  f"Unrolled needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}: {sys.argv[1]}, for example make book PYTHON=python3.12")

# Pages and tests run side by side, one a core; a product of small matrices that several threads share waits for all of them.
export OMP_NUM_THREADS ?= 1
# Packages go into .venv and come from there, whatever is set for pip and Python elsewhere; assertions are run.
export PIP_USER := 0
unexport PYTHONPATH PYTHONHOME PYTHONOPTIMIZE

.DEFAULT_GOAL := help
.PHONY: help setup book page train test mutants test-doctor test-peers test-forward test-site bench bench-quick bench-check pdf serve lab reproducible lint types lint-workflows links readme lock lighthouse clean

help:  ## list what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## make .venv from the pinned, hashed requirements (without PyTorch)

$(READY): requirements/main.txt requirements/uv.txt pyproject.toml
	@echo "==> Setting up $(VENV): pinned, hashed packages (about a minute the first time)"
	@if test -x $(BIN)/python; then $(BIN)/python -c '$(NEW_ENOUGH)' "remove $(VENV), then give a newer one"; \
	else $(PYTHON) -c '$(NEW_ENOUGH)' "give a newer one"; fi
	@{ test -x $(BIN)/pip && $(BIN)/pip --version >/dev/null 2>&1; } || $(PYTHON) -m venv --clear $(VENV)  # new, or left half made
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt \
	  $$($(BIN)/uv --version >/dev/null 2>&1 || echo --ignore-installed)
	@again=$$(test ! -e $(BEGUN) || echo --reinstall); touch $(BEGUN); \
	  $(BIN)/uv pip install $$again --compile-bytecode --python $(BIN)/python --no-deps --require-hashes -r requirements/main.txt 2>&1 | grep -v '^ [+~-]'
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@$(BIN)/jupytext-config --settings-file $(VENV)/etc/jupyter/labconfig/default_setting_overrides.json set-default-viewer markdown >/dev/null
	@mkdir -p $(VENV)/etc/ipython
	@echo 'c.IPKernelApp.log_level = 40  # no greeting from every kernel' > $(VENV)/etc/ipython/ipython_kernel_config.py
	@rm $(BEGUN) && touch $@
	@echo "==> Ready: $(VENV)"

$(TORCH): $(READY) requirements/torch.txt
	@echo "==> Adding PyTorch, which one page compares with (requirements/torch.txt)"
	@$(if $(TORCH_BACKEND),$(BIN)/uv pip install --quiet --python $(BIN)/python --torch-backend $(TORCH_BACKEND), \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check) -r requirements/torch.txt
	@touch $@

$(PEERS): $(TORCH) requirements/peers.txt
	@echo "==> Adding the outside frameworks of requirements/peers.txt"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/peers.txt
	@touch $@

book: $(TORCH)  ## build the site; any warning, failing cell or unproved equation is an error
	@echo "==> Building the book: every page runs, every labelled equation is checked"
	@$(BIN)/python book/_tools/build.py -W -n --keep-going
	@$(BIN)/python book/_tools/offer.py
	@echo "==> Checking the built site"
	@$(BIN)/python book/_tools/check_site.py $(SITE)
	@echo "==> Book: $(SITE)/index.html"

page: $(TORCH)  ## build only some pages: make page PAGE=gradient_w (or "one two")
	@$(BIN)/python book/_tools/page.py $(PAGE)

train: $(READY)  ## train the book's tasks in full (minutes): make train, or make train TASK="names stress"
	@echo "==> Training in full, one thread; runs are saved in _build/runs/ and taken up again"
	@$(BIN)/python book/_tools/train.py $(TASK)

test: $(READY)  ## run all tests but those that need PyTorch or a browser
	@echo "==> Testing rnnlib, the proofs and the gates"
	@$(BIN)/python -m pytest -q -n auto --dist loadgroup

mutants: $(READY)  ## change the gradient code one slip at a time: would the tests notice? (minutes)
	@echo "==> Changing rnnlib one slip at a time; every slip that changes a value must make a test fail"
	@$(BIN)/python tests/mutants.py $(MUTANTS)

test-doctor: $(READY)  ## the doctor's promises in full: every mistake, 1,600 pairs, 2,000 right passes, seconds (minutes)
	@echo "==> Testing the gradient doctor in full"
	@DOCTOR_IN_FULL=1 $(BIN)/python -m pytest -q -n auto --dist load -rP tests/test_doctor.py

test-peers: $(PEERS)  ## compare rnnlib with PyTorch, JAX and ONNX Runtime
	@echo "==> Testing rnnlib against outside frameworks"
	@$(BIN)/python -m pytest -q tests/peers

$(FORWARD)/.ready: $(READY) requirements/forward.txt
	@command -v node >/dev/null || { echo "==> Jupyter Book 2 needs Node.js, which is not here" >&2; exit 1; }
	@echo "==> Adding Jupyter Book 2 of requirements/forward.txt, in an environment of its own"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(FORWARD)
	@$(BIN)/uv pip install --quiet --python $(FORWARD)/bin/python --no-deps --require-hashes -r requirements/forward.txt
	@touch $@

test-forward: $(FORWARD)/.ready  ## read the pages with Jupyter Book 2: does it fail where CONTRIBUTING.md says, and only there? (needs Node.js)
	@echo "==> Reading the pages with Jupyter Book 2"
	@$(BIN)/python -m pytest -q tests/forward

# Lighthouse and the checker of HTML; without Node.js the tests that need them say so and are skipped
$(NODE): $(READY) tests/browser/package-lock.json
	@mkdir -p $(VENV)/node && cp tests/browser/package.json tests/browser/package-lock.json $(VENV)/node/
	@if command -v npm >/dev/null; then echo "==> Adding Lighthouse and the checker of HTML (npm)"; \
	  npm ci --prefix $(VENV)/node --no-audit --no-fund --loglevel=error && touch $@; \
	else echo "==> NODE.JS IS NOT HERE: the HTML is not checked, Lighthouse does not run" >&2; fi

# What the README asks of somebody who has downloaded a page as a notebook, at the versions of the lock, and nothing else
$(READER)/.ready: $(TORCH) requirements/torch.txt $(shell find rnnlib -name '*.py')
	@echo "==> Setting up an environment for downloaded notebooks: $(READER)"
	@test -x $(READER)/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python $(READER)
	@rm -rf $(READER)/dist && $(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir $(READER)/dist .
	@$(BIN)/uv pip install --quiet --python $(READER)/bin/python --constraint requirements/main.txt --reinstall-package rnnlib \
	  "$$(echo $(READER)/dist/*.whl)[notebooks]"
	@$(BIN)/python -m pip --python $(READER)/bin/python install --quiet --disable-pip-version-check --no-compile -r requirements/torch.txt
	@touch $@

test-site: book $(NODE) $(READER)/.ready  ## open every page in a real browser (needs Chromium), run every downloaded notebook
	@echo "==> Running every notebook that the site offers; opening every page in Chromium: light, dark, wide, 390 px"
	@$(BIN)/python -m pytest -q -n 2 --dist worksteal tests/browser

lighthouse: book $(NODE)  ## measure every page, or PAGE="a b", with Lighthouse, desktop and phone (about ten minutes)
	@echo "==> Lighthouse: $(or $(PAGE),every page), served compressed"
	@$(BIN)/python book/_tools/lighthouse.py $(SITE) $(PAGE)

bench: $(PEERS)  ## measure rnnlib against other libraries and its own matrix products: time, memory, growth (about 20 minutes)
	@echo "==> Measuring rnnlib: 154 cells, memory, growth, the staircase; one thread; results in _build/bench/"
	@$(BIN)/python -m benchmarks

bench-quick: $(PEERS)  ## only the times, of eight cells
	@echo "==> Timing rnnlib: eight cells, one thread; results in _build/bench/"
	@$(BIN)/python -m benchmarks --quick

bench-check: $(PEERS)  ## time four cells, and fail if a ratio is below 0.7 of its goal
	@echo "==> Timing rnnlib: four cells, one thread; ratios against 0.7 of their goals"
	@$(BIN)/python -m benchmarks --check

pdf: book  ## the whole book as one PDF, offered in the site's download menus (needs Chromium)
	@echo "==> Printing the book"
	@$(BIN)/python book/_tools/pdf.py

reproducible: $(TORCH)  ## build the last commit twice, in two folders, and compare every byte (as long as two first builds)
	@echo "==> Building twice"
	@$(BIN)/python book/_tools/reproducible.py $(PAGE)

serve: book  ## build, then serve the site on http://localhost:8000
	@$(BIN)/python -c 'import socket; socket.create_server(("127.0.0.1", $(PORT)))' 2>/dev/null || \
	  { echo "Port $(PORT) is taken; use another: make serve PORT=8001" >&2; exit 1; }
	@echo "==> Serving $(SITE) on http://localhost:$(PORT) (Ctrl-C stops)"
	@$(BIN)/python -m http.server --bind 127.0.0.1 --directory $(SITE) $(PORT)

lab: $(TORCH)  ## open the pages as notebooks in JupyterLab
	@echo "==> JupyterLab on book/: a double click opens a page as a notebook (Ctrl-C stops)"
	@$(BIN)/jupyter lab book

lint: $(READY)  ## check style
	@echo "==> Linting"
	@$(BIN)/ruff check .

$(LINTERS)/.ready: $(READY) requirements/linters.txt
	@echo "==> Adding the linters of requirements/linters.txt"
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python $(LINTERS)
	@$(BIN)/uv pip install --quiet --python $(LINTERS)/bin/python --no-deps --require-hashes -r requirements/linters.txt
	@touch $@

SCHEMA = $(LINTERS)/bin/check-jsonschema --quiet --builtin-schema vendor.

lint-workflows: $(LINTERS)/.ready  ## check the workflows, the issue forms and the citation file (offline)
	@echo "==> Linting .github, CITATION.cff, .readthedocs.yaml"
	@$(LINTERS)/bin/actionlint .github/workflows/*.yml
	@$(LINTERS)/bin/zizmor --quiet --offline .github
	@$(SCHEMA)github-workflows .github/workflows/*.yml
	@$(SCHEMA)github-issue-forms $(filter-out %/config.yml,$(wildcard .github/ISSUE_TEMPLATE/*.yml))
	@$(SCHEMA)github-issue-config .github/ISSUE_TEMPLATE/config.yml
	@$(SCHEMA)dependabot .github/dependabot.yml
	@$(SCHEMA)readthedocs .readthedocs.yaml
	@$(SCHEMA)citation-file-format CITATION.cff

links: $(LINTERS)/.ready  ## ask every outside address that the text names whether it still answers
	@echo "==> Following the links outside"
	@$(LINTERS)/bin/lychee --no-progress --max-retries 3 --accept '100..=103,200..=299,403,429' *.md book/*.md book/references.bib

types: $(READY)  ## check the types of rnnlib's public functions, and the stubs that state them
	@echo "==> Checking types"
	@$(BIN)/python book/_tools/check_types.py

readme: $(READY)  ## write the README's formula map anew
	@$(BIN)/python book/_tools/readme.py

lock: $(READY)  ## pin requirements anew
	@echo "==> Pinning requirements/ anew"
	@$(BIN)/uv pip compile requirements/uv.in --universal --generate-hashes --python-version 3.11 \
	  --no-annotate --no-header --quiet --output-file requirements/uv.txt
	@$(BIN)/uv pip compile pyproject.toml --extra proof --extra book --extra test --universal --generate-hashes \
	  --fork-strategy fewest --python-version 3.11 --no-annotate --no-header --quiet --output-file requirements/main.txt
	@$(BIN)/uv pip compile requirements/linters.in --universal --generate-hashes --python-version 3.11 \
	  --no-annotate --no-header --quiet --output-file requirements/linters.txt
	@$(BIN)/uv pip compile requirements/forward.in --universal --generate-hashes --python-version 3.11 \
	  --no-annotate --no-header --quiet --output-file requirements/forward.txt
	@echo "==> Pinned: requirements/main.txt, requirements/uv.txt, requirements/linters.txt, requirements/forward.txt"

clean:  ## remove what was built (the environment stays)
	@rm -rf _build .pytest_cache .ruff_cache
	@echo "==> Removed _build"
