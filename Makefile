# `make` lists what there is; `make run` is the whole derivation on generated data.
#
# Needs Python 3.11 or later with its venv module, and the network for the first call. Everything is
# installed into folders of this repository, from the locked requirements.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:

# auto: containers if a Docker engine answers, else this machine
RUNTIME ?= auto
WORKDIR ?= workdir
INPUTS ?= inputs.yml
INPUTDATA ?= inputdata
INJECTION_WORKDIR ?= workdir-injection
INJECTION_INPUTS ?= injection_inputs.yml
PYTHON ?= python3
PYTEST_ARGS ?= -n auto
TOYS ?= seed=1 data_events=1000000 sim_events=2000000 data_files=4 sim_files=4 et_slope=0.003

version := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
examples := $(wildcard examples/*/pyproject.toml)
sources := pyproject.toml README.md $(examples) \
    $(shell find code $(dir $(wildcard examples/*/*/__init__.py)) -type f -not -path '*/__pycache__/*')
step_images := $(patsubst images/%/requirements.txt,%,$(wildcard images/*/requirements.txt))
step_venvs := $(step_images:%=.venvs/%/.installed)
runner := .venvs/runner
services := .venvs/recast/.installed .venvs/reana/.installed

uv_version := 0.13.9
uv := .venvs/uv/bin/uv
index = $(or $(PIP_INDEX_URL),$(shell $(PYTHON) -m pip config get global.index-url 2>/dev/null))
install = $(uv) pip install --quiet $(if $(index),--default-index $(index)) --python $(1)/bin/python
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_DOWNLOADS := never
export UV_COMPILE_BYTECODE := 1

runtime = $(or $(filter docker host,$(RUNTIME)),$(shell timeout 20 docker info >/dev/null 2>&1 && echo docker || echo host))
why = $(if $(filter docker,$(runtime)), (a Docker engine answers), (no Docker engine answers))

.PHONY: help
help:  ## list these targets
	@echo "scalesmear $(version)"
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'
	@echo "Variables: RUNTIME=auto|docker|host, WORKDIR=$(WORKDIR), INPUTS=$(INPUTS), INPUTDATA=$(INPUTDATA), PYTHON=$(PYTHON)"

.PHONY: run
run:  ## derive scales and smearings from inputdata/ (toys, if it is not there) into workdir/
	@echo "runtime: $(runtime)$(if $(filter auto,$(RUNTIME)),$(why))"
	@$(MAKE) --silent RUNTIME=$(runtime) steps-$(runtime) $(INPUTDATA) derive

# Goes on with an earlier run: what has not changed since is kept.
.PHONY: derive
derive: $(runner)/.installed
	@$(runner)/bin/scalesmear run $(WORKDIR) workflow.yml $(INPUTS) --inputdata $(INPUTDATA) \
	    --runtime $(runtime) $(if $(wildcard $(WORKDIR)/_yadage),--continue)

# INJECTION_INPUTS=my.yml takes other values; what has not changed since an earlier run is kept.
.PHONY: injection
injection:  ## inject known scales and smearings, fit 200 toys, show pulls and biases, in workdir-injection/
	@echo "runtime: $(runtime)$(if $(filter auto,$(RUNTIME)),$(why))"
	@$(MAKE) --silent RUNTIME=$(runtime) steps-$(runtime)
	@$(runner)/bin/scalesmear run $(INJECTION_WORKDIR) injection.yml $(INJECTION_INPUTS) \
	    --runtime $(runtime) $(if $(wildcard $(INJECTION_WORKDIR)/_yadage),--continue)

.PHONY: test
test: lint venvs services  ## lint, types, and all tests (those marked docker need an engine)
	@$(MAKE) --silent steps-$(runtime)
	.venv/bin/python -m pytest $(PYTEST_ARGS)

.PHONY: lint
lint: .venv/.installed  ## style, types, import arrows
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

.PHONY: bench
bench: .venv/.installed  ## time the fits, select and fill beside what bounds them
	@.venv/bin/python benchmarks/write_performance.py --quick --print

.PHONY: bench-all
bench-all: .venv/.installed venvs  ## all benchmarks, other programs and a profile too, into docs/performance.md (an hour)
	@.venv/bin/python benchmarks/write_performance.py

.PHONY: coverage
coverage: .venv/.installed  ## show with toys that the errors of the fits cover (the tables of docs/fit.md)
	@.venv/bin/python benchmarks/fit_coverage.py

.PHONY: images
images:  ## build the images of the steps and the runner
	images/build

.PHONY: venvs
venvs: $(step_venvs) $(runner)/.installed  ## make the environments that stand in for the images on this machine

.PHONY: services
services: $(services)  ## make the environments of the tools of RECAST and REANA

.PHONY: steps-docker steps-host
steps-docker: images $(runner)/.installed
steps-host: venvs

.PHONY: toys
toys:  ## generate inputdata/
	@$(MAKE) --silent RUNTIME=$(runtime) steps-$(runtime) $(INPUTDATA)

# The step `toys` by itself, where the steps of the workflow run; whole or not there at all.
$(INPUTDATA):
	@echo "toys: $(TOYS)"
	@rm -rf $@.partial
	@eval "$$($(runner)/bin/scalesmear environment --runtime $(runtime))"; \
	$(runner)/bin/packtivity-run $(if $(filter host,$(runtime)),-b py:scalesmear.workflow.host:HostBackend) \
	    -w $@.partial steps.yml#/toys -p output="'{workdir}'" $(TOYS:%=-p %) 2>&1 | grep -v "^<"
	@rm -rf $@.partial/_packtivity
	@mv $@.partial $@

.PHONY: lock
lock: $(uv)  ## renew the locked requirements after a change of pyproject.toml (UPGRADE=1: to the latest)
	images/lock $(uv) $(if $(UPGRADE),--upgrade)

.PHONY: clean
clean:  ## remove what was made: environments, caches, toys, workdir/
	rm -rf .venv .venvs .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	rm -rf $(if $(wildcard $(INPUTDATA)/truth.json),$(INPUTDATA)) $(if $(wildcard $(WORKDIR)/_yadage),$(WORKDIR)) \
	    $(if $(wildcard $(INJECTION_WORKDIR)/_yadage),$(INJECTION_WORKDIR))
	find code tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

$(uv):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "scalesmear needs Python 3.11 or later: make PYTHON=/path/to/python3")'
	$(PYTHON) -m venv .venvs/uv
	.venvs/uv/bin/pip install --quiet --disable-pip-version-check uv==$(uv_version)

# The package is installed as a copy: versions and compiled kernels are then what the image has. The image of
# an example has the example's own package as well.
$(step_venvs): .venvs/%/.installed: images/%/requirements.txt $(sources) | $(uv)
	$(call environment,.venvs/$*,$<,$(if $(wildcard examples/$*/pyproject.toml),--reinstall-package $* ./examples/$*))

$(runner)/.installed $(services): .venvs/%/.installed: requirements-%.txt $(sources) | $(uv)
	$(call environment,.venvs/$*,$<,)

.venv/.installed: requirements-dev.txt pyproject.toml | $(uv)
	$(call environment,.venv,$<,--editable)

# folder, locked requirements, options
define environment
	@echo "environment $(1)"
	@test -x $(1)/bin/python || $(uv) venv --quiet --python "$$(command -v $(PYTHON))" $(1)
	@$(call install,$(1)) --requirement $(2)
	@$(call install,$(1)) --no-deps --reinstall-package scalesmear $(3) .
	@touch $(1)/.installed
endef
