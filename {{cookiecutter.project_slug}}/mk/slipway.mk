# The part of the make targets that is the same for every language. It belongs to the template: add targets in the
# Makefile instead, with a double colon where you add to one of these.

SERVICE := {{ cookiecutter.project_slug }}
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unversioned)
REVISION ?= $(shell git rev-parse --verify --quiet HEAD 2>/dev/null || echo unknown)
REGISTRY ?=
IMAGE ?= $(if $(REGISTRY),$(REGISTRY)/)$(SERVICE):$(REVISION)
ENVIRONMENT ?=
CONTEXT ?=
URL ?= http://127.0.0.1:8080
RATE ?= 50
DURATION ?= 30s
REVIEW ?=
SINCE ?=
YES ?=
TAG ?=
TICKET ?=
TITLE ?=
RANGE ?=
PROCESS ?=
PLATFORMS ?=
FROM ?=
export VERSION REVISION IMAGE TITLE
typed = $(filter command,$(firstword $(origin IMAGE)))
pushed = $(shell cat build/image.txt 2>/dev/null)
# what is deployed: what was typed, else what was pushed
RELEASE = $(if $(typed),$(IMAGE),$(or $(pushed),$(IMAGE)))
# what is looked at: the same, but before a push the file that a build without docker leaves
built = $(if $(typed)$(pushed),,$(if $(shell test -f build/image.tar && echo yes),-f build/image.tar))
promoted = $(if $(FROM),-f "$(FROM)",$(if $(typed),-i "$(IMAGE)"))
agreed = $(if $(filter 1 true yes,$(YES)),-y)

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@if [ -t 1 ] && [ -z "$${NO_COLOR:-}" ]; then colour=1; fi; \
	awk -F ':.*## ' -v colour="$${colour:-}" ' \
	  FNR == 1 { file = FILENAME; sub(/^.*\//, "", file); sub(/\.mk$$/, "", file); heads[++files] = file } \
	  /^[a-z][a-z0-9-]*:.*## / { if (!seen[$$1]++) { \
	    name = sprintf("%-20s", $$1); \
	    lines[file] = lines[file] "  " (colour ? "\033[36m" name "\033[0m" : name) " " $$2 "\n" } } \
	  END { title["language"] = "Code"; title["slipway"] = "Check and ship"; title["recovery"] = "Recover"; title["Makefile"] = "This service"; \
	    for (i = files; i > 0; i--) if (lines[heads[i]]) { \
	      head = heads[i] in title ? title[heads[i]] : heads[i]; \
	      printf "%s\n%s\n", (colour ? "\033[1m" head "\033[0m" : head), lines[heads[i]] } }' $(MAKEFILE_LIST)

.PHONY: lint
lint:: lint-code lint-repository ## check the code and everything around it

.PHONY: lint-repository
lint-repository: features-check ## check everything but the code, with the linters of mk/linters.txt
	@bin/lint-repository

.PHONY: test
test:: test-unit test-integration test-e2e ## run every test

.PHONY: verify
verify: ## hold the repository against the template's contract (needs uv)
	@bin/verify

.PHONY: login
login: ## log in to REGISTRY, with REGISTRY_USER and REGISTRY_PASSWORD or by aws
	@$(call need,REGISTRY,registry.example.com/team)
	@bin/login -r "$(REGISTRY)"

.PHONY: image
image: ## build the image as $(IMAGE); PROCESS=worker for another entrypoint
	@bin/image -i "$(IMAGE)" $(if $(PROCESS),-t "$(PROCESS)") $(if $(PLATFORMS),-a "$(PLATFORMS)")

.PHONY: push
push: ## push the image that was built, and write its digest to build/image.txt
	@bin/image -p -i "$(IMAGE)" $(if $(PROCESS),-t "$(PROCESS)") $(if $(PLATFORMS),-a "$(PLATFORMS)")

.PHONY: scan
scan: ## scan the image; fails on HIGH and CRITICAL
	@bin/scan $(or $(built),-i "$(RELEASE)")

.PHONY: scan-repository
scan-repository: ## scan the checkout: secrets, misconfiguration, dependencies; fails on HIGH and CRITICAL
	@bin/scan-repository

.PHONY: sbom
sbom: ## list what the image is made of in build/reports
	@bin/sbom $(or $(built),-i "$(RELEASE)")

.PHONY: sign
sign: ## sign the digest that was pushed, and attest its SBOM
	@bin/sign -i "$(RELEASE)"

.PHONY: alerts
alerts: ## write alerts, their tests, dashboards and monitors from observability/ (needs uv)
	@bin/alerts

.PHONY: alerts-test
alerts-test: ## see each alert fire and stay silent (needs promtool)
	@bin/alerts-test

.PHONY: manifests
manifests: ## render the manifests of every environment into build/manifests
	@bin/manifests

.PHONY: plan
plan: ## save and show what Terraform would change, or show it alone with REVIEW=1: make plan ENVIRONMENT=dev
	@$(call need,ENVIRONMENT,dev or staging or production or registry)
	@bin/infra -e "$(ENVIRONMENT)" $(if $(REVIEW),-r) $(if $(SINCE),-s "$(SINCE)")

.PHONY: apply
apply: ## apply the plan that was made, and no other: make apply ENVIRONMENT=dev
	@$(call need,ENVIRONMENT,dev or staging or production or registry)
	@bin/infra -e "$(ENVIRONMENT)" -a $(agreed)

.PHONY: infra-test
infra-test: ## check, validate and test the Terraform modules, without a cloud account
	@bin/infra -t

.PHONY: deploy
deploy: ## deploy what was pushed, or IMAGE: make deploy ENVIRONMENT=dev CONTEXT=my-cluster IMAGE=registry/name:tag
	@$(call need,ENVIRONMENT,dev or staging or production)
	@$(call need,CONTEXT,a context of kubectl config get-contexts)
	@bin/deploy -e "$(ENVIRONMENT)" -c "$(CONTEXT)" -i "$(RELEASE)" $(agreed)

.PHONY: rollback
rollback: ## go back to the version before, or to REVISION: make rollback ENVIRONMENT=dev CONTEXT=my-cluster
	@$(call need,ENVIRONMENT,dev or staging or production)
	@$(call need,CONTEXT,a context of kubectl config get-contexts)
	@bin/rollback -e "$(ENVIRONMENT)" -c "$(CONTEXT)" $(if $(filter command,$(firstword $(origin REVISION))),-t "$(REVISION)") $(agreed)

.PHONY: promote
promote: ## write what was pushed into an overlay, or what FROM has: make promote ENVIRONMENT=staging TICKET={{ cookiecutter.__ticket_prefix }}-2
	@$(call need,ENVIRONMENT,dev or staging or production)
	@bin/promote -e "$(ENVIRONMENT)" $(promoted) $(if $(TICKET),-C "$(TICKET)")

.PHONY: doctor
doctor: ## say what this machine lacks to work on the service
	@bin/doctor $(if $(CONTEXT),-c "$(CONTEXT)") $(if $(REGISTRY),-r "$(REGISTRY)")

.PHONY: start
start: ## build the service and run all of it until Control-C: the migration, the api, the worker
	@bin/run

.PHONY: smoke
smoke: ## ask a running service a few questions: make smoke URL=http://127.0.0.1:8080
	@bin/smoke -u "$(URL)"

.PHONY: load
load: ## load a running service and judge its answers: make load URL=http://127.0.0.1:8080 RATE=50 DURATION=30s
	@bin/load -u "$(URL)" -r "$(RATE)" -d "$(DURATION)" $(if $(ENVIRONMENT),-e "$(ENVIRONMENT)") $(agreed)

.PHONY: deploy-window
deploy-window: ## whether production may be deployed to now; DEPLOY_ANYWAY=TICKET opens a window that is shut
	@bin/deploy-window

.PHONY: name-release
name-release: ## give the image of this commit the name of a release: make name-release TAG=v1.2.3
	@$(call need,TAG,a release such as v1.2.3)
	@bin/name-release -i "$(IMAGE)" -t "$(TAG)"

.PHONY: ci-begin
ci-begin: ## in a pipeline: a stage begins
	@bin/ci-metrics -b

.PHONY: ci-end
ci-end: ## in a pipeline: the stage that began has ended well
	@bin/ci-metrics -e

.PHONY: ci-metrics
ci-metrics: ## measure stages and deployments, as OpenMetrics in build/ci-metrics/metrics.txt
	@bin/ci-metrics

.PHONY: feature
feature: ## open the next features summary: make feature TICKET={{ cookiecutter.__ticket_prefix }}-2 TITLE="What changes"
	@$(call need,TICKET,a ticket such as {{ cookiecutter.__ticket_prefix }}-2)
	@bin/feature -t "$(TICKET)" -s "$${TITLE:-What changes}"

.PHONY: commit-check
commit-check: ## check the commit messages since the main branch, or of RANGE=a..b
	@bin/commit-check -r "$(or $(RANGE),origin/main..HEAD)"

.PHONY: features-check
features-check: ## check the features summaries
	@bin/features-check

.PHONY: template-update
template-update: ## bring this service to the newest release of its template, on a branch (needs uv)
	@bin/template-update

.PHONY: hooks
hooks: ## check each commit message as it is written
	git config core.hooksPath .githooks

.PHONY: clean
clean:: ## remove what the targets made
	rm -rf build tmp

include $(wildcard mk/recovery.mk)

need = test -n '$($1)' || { echo "$1 is not set; say: make $@ $1=VALUE, where VALUE is $2" >&2; exit 2; }
