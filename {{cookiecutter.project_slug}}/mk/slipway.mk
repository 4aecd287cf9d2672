# What every service can do, whatever its language. Updates of the template replace this file: add to ../Makefile.
#
# Variables, from the command line or the environment:
#   ENVIRONMENT   dev, staging or production            plan, deploy, rollback
#   CONTEXT       a context of your kubeconfig          deploy, rollback
#   REGISTRY      where images live, without the name   image, scan, push, deploy (or IMAGE, the whole reference)
#   URL           where the service answers             smoke (SMOKE_WRITE=true also places an order and reads it back)
#   TICKET, SHORT ticket and title                      feature
#   RANGE         commits, as git log takes them        commit-check
#   YES=true      production without a question         deploy, rollback (for pipelines)
#   LINT_STRICT=true  no linter may be skipped          lint, lint-repository

ENVIRONMENT ?=
CONTEXT ?=
REGISTRY ?=
URL ?=
TICKET ?=
SHORT ?=
RANGE ?=
YES ?=
SMOKE_WRITE ?=
LINT_STRICT ?=

REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
VERSION ?= $(shell git describe --tags --always --dirty --abbrev=12 2>/dev/null || echo unversioned)
TAG ?= $(shell git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null || echo unversioned)
IMAGE ?= $(if $(REGISTRY),$(REGISTRY)/$(SERVICE):$(TAG))

need = $(if $($(1)),,$(error $(1) is not set; say $(2)))
need_environment = $(call need,ENVIRONMENT,ENVIRONMENT=dev|staging|production)
need_context = $(call need,CONTEXT,CONTEXT=name (kubectl config get-contexts -o name lists them))
need_image = $(call need,IMAGE,REGISTRY=registry.example.com/team or IMAGE=name:tag)

.DEFAULT_GOAL := help

##@ Check

.PHONY: lint lint-repository test manifests features-check commit-check verify

lint: lint-code lint-repository ## every linter

lint-repository: ## scripts, Dockerfile, YAML, Markdown, Terraform; says what it skipped
	@bin/lint-repository $(if $(filter true,$(LINT_STRICT)),-s)

test: test-unit test-integration test-e2e ## every test

manifests: ## render each overlay of k8s/ into tmp/manifests/
	@bin/manifests

features-check: ## the rules of features_summaries/ and of open ends in sources
	@bin/features-check

commit-check: ## commit messages of RANGE, since origin/main by default
	@bin/commit-check $(if $(RANGE),-r '$(RANGE)')

verify: ## hold this repository against the template's contract
	@bin/verify

##@ Ship

.PHONY: image scan push plan deploy smoke rollback

image: ## build the image
	@$(need_image)
	@bin/image -i '$(IMAGE)' -v '$(VERSION)' -r '$(REVISION)'

scan: ## scan the image; HIGH and CRITICAL fail
	@$(need_image)
	@bin/scan -i '$(IMAGE)'

push: ## push the image, once
	@$(need_image)
	@bin/push -i '$(IMAGE)'

plan: ## show what terraform would change in ENVIRONMENT
	@$(need_environment)
	@bin/plan -e '$(ENVIRONMENT)'

deploy: ## bring IMAGE to ENVIRONMENT in CONTEXT, and wait until it runs
	@$(need_environment)$(need_context)$(need_image)
	@bin/deploy -e '$(ENVIRONMENT)' -c '$(CONTEXT)' -i '$(IMAGE)' $(if $(filter true,$(YES)),-y)

smoke: ## ask the service at URL whether it serves
	@$(call need,URL,URL=https://orders.example.com)
	@bin/smoke -u '$(URL)' $(if $(filter true,$(SMOKE_WRITE)),-w)

rollback: ## back to the version before, in ENVIRONMENT and CONTEXT
	@$(need_environment)$(need_context)
	@bin/rollback -e '$(ENVIRONMENT)' -c '$(CONTEXT)' $(if $(filter true,$(YES)),-y)

##@ Repository

.PHONY: help feature hooks clean

feature: ## open the next features summary: TICKET={{ cookiecutter.__ticket_prefix }}-12 SHORT="what it is"
	@$(call need,TICKET,TICKET={{ cookiecutter.__ticket_prefix }}-12)$(call need,SHORT,SHORT="what it is")
	@bin/feature -t '$(TICKET)' -s '$(subst ','\'',$(SHORT))'

hooks: ## let git check each commit message as you write it
	git config core.hooksPath .githooks

clean:: ## remove what the targets made
	rm -rf tmp

help: ## this list
	@if [ -t 1 ] && [ -z "$${NO_COLOR:-}" ]; then bold=$$(printf '\033[1m'); cyan=$$(printf '\033[36m'); plain=$$(printf '\033[0m'); fi; \
	awk -v bold="$${bold:-}" -v cyan="$${cyan:-}" -v plain="$${plain:-}" ' \
	  FNR == 1 { group = FILENAME ~ /language/ ? "Develop" : "This service" } \
	  /^##@ / { group = substr($$0, 5) } \
	  /^[a-z][a-z0-9-]*::?[^=#]*## / { \
	    name = $$1; sub(/:.*/, "", name); text = $$0; sub(/^[^#]*## /, "", text); \
	    if (!(name in seen)) { seen[name] = 1; lines[group] = lines[group] sprintf("  %s%-18s%s %s\n", cyan, name, plain, text) } } \
	  END { count = split("Develop,Check,Ship,Repository,This service", order, ","); \
	    for (i = 1; i <= count; i++) { if (lines[order[i]] != "") { printf "%s%s%s\n%s\n", bold, order[i], plain, lines[order[i]]; delete lines[order[i]] } } \
	    for (group in lines) { if (lines[group] != "") { printf "%s%s%s\n%s\n", bold, group, plain, lines[group] } } \
	  }' $(MAKEFILE_LIST)
