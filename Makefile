# One command each; everything they need is set up on the first call and cached under .cache/.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.ONESHELL:

LAB ?= demo
export FABRIC_ROOT := $(CURDIR)
include tools/env.mk

.PHONY: help demo test lint unit integration sanity molecule e2e life soak bench controller lab-up lab-down lab-status clean setup setup-lab

help:  ## List the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' Makefile

setup:
	@tools/setup venv

setup-lab: setup
	@tools/setup lab

demo: setup-lab  ## Set everything up and run the main job on the embedded lab; leaves the lab up (FABRIC=netris|linux_switch)
	@$(RUN) python -m fabric_lab.demo --name $(LAB) $(if $(FABRIC),--fabric $(FABRIC))

test: setup  ## Set up and run all tests; leaves nothing behind
	@tools/run-tests lint build unit integration sanity molecule e2e

lint: setup  ## Style, types, Ansible and documentation lint
	@tools/run-tests lint

unit: setup  ## Unit tests (both Python lines where present)
	@tools/run-tests unit

integration: setup  ## Tests against real programs, without virtual machines
	@tools/run-tests integration

sanity: setup  ## ansible-test sanity on a staged copy (both Python lines where present)
	@tools/run-tests sanity

molecule: setup  ## One scenario per role
	@tools/run-tests molecule

e2e: setup  ## The main job, end to end, on the embedded lab
	@tools/run-tests e2e

life: setup  ## The life of tenant clusters: failover, move, pause, virtual machines, Kamaji
	@tools/run-tests life

soak: setup-lab  ## Long-running variants of the end-to-end tests
	@$(RUN) pytest tests/e2e -m soak

bench: setup-lab  ## Measure and print, never judge
	@$(RUN) python -m tests.bench

controller: setup  ## Run the controller simulator alone in the foreground (PORT=, STATE=, SEED=)
	@exec $(RUN) python -m fabric_lab.controller

lab-up: setup-lab  ## Bring the lab up (LAB=name, LEVEL=controller|rack|cluster|full, FABRIC=netris|linux_switch|manual)
	@$(RUN) python -m fabric_lab up --name $(LAB) --level $(or $(LEVEL),rack) $(if $(FABRIC),--fabric $(FABRIC))

lab-down:  ## Take the lab down; nothing of it stays
	@tools/setup venv && $(RUN) python -m fabric_lab down --name $(LAB)

lab-status:  ## Draw the rack
	@tools/setup venv && $(RUN) python -m fabric_lab status --name $(LAB)

clean: lab-down  ## Take the lab down and remove every cache
	@rm -rf .cache .ansible tests/output
