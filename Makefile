# Everything a newcomer types. `make help` lists it.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' && echo $$p && break; done)
BIN := .venv/bin
INSTALLED := .venv/.installed
# Only for the checks that need production's settings; nothing is ever signed with it.
DEPLOY := DEBUG=off SECRET_KEY=only-for-the-deploy-check-3f9c1d7a5b8e2046-never-used-to-sign \
	ALLOWED_HOSTS=songranker.example SPOTIFY_CLIENT_ID=check SPOTIFY_CLIENT_SECRET=check

.PHONY: help run test lint format bench pins clean .venv
.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z.]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

.venv: $(INSTALLED)  ## the set-up alone: virtual environment with the pinned requirements

# The stamp comes last, so that a set-up that was killed half-way is done again.
$(INSTALLED): requirements.txt requirements-dev.txt
	@test -n "$(PYTHON)" || { echo "SongRanker needs Python 3.11 or newer on PATH (or: make PYTHON=/path/to/python)"; exit 1; }
	@echo "setting up .venv (once, and again when the requirements change) ..."
	@"$(PYTHON)" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $(INSTALLED)

run: $(INSTALLED)  ## everything of the Procfile, with a Redis and the Spotify simulator, on http://127.0.0.1:8000
	@exec $(BIN)/python -m songranker.runner

test: $(INSTALLED)  ## the whole suite on SQLite, then what touches a database again on PostgreSQL
	@$(BIN)/python -m pytest --database=sqlite
	@$(BIN)/python -m pytest --database=postgresql -m "(database or stack) and not once"

lint: $(INSTALLED)  ## ruff, import-linter, mypy, deploy check, missing migrations
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(BIN)/mypy
	@$(DEPLOY) $(BIN)/python manage.py check --deploy --fail-level WARNING
	@$(BIN)/python manage.py makemigrations --check --dry-run

format: $(INSTALLED)  ## let ruff put the code in order
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(INSTALLED)  ## the benchmarks beside their rivals; results under docs/benchmarks/
	@$(BIN)/python -m benchmarks

pins: $(INSTALLED)  ## write requirements*.txt anew from requirements*.in
	@$(BIN)/pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-find-links --output-file requirements.txt requirements.in
	@$(BIN)/pip-compile --quiet --strip-extras --no-emit-index-url --no-emit-find-links --output-file requirements-dev.txt requirements-dev.in

clean:  ## remove what `make` made, the local data too
	@rm -rf .venv .data .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis staticfiles
