# The one list of what can be made. `make help` shows it.
SHELL := /bin/bash
export CGO_ENABLED := 0
TOOLS := .tools/bin

.PHONY: help run build test check generate lint race unit clients judges bench setup clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

run: build ## build and serve on the embedded store
	bin/bartizan serve

build: ## build bin/bartizan, one static binary, and bin/bartizan-hsm, its helper for HSMs
	go build -trimpath -ldflags '-s -w' -o bin/bartizan .
	go build -trimpath -ldflags '-s -w' -o bin/bartizan-hsm ./hsm

setup: ## install what tests need into .tools/, pinned
	scripts/setup all

test: setup unit clients ## install what tests need and run all tests

unit: ## tests of all packages (unit tests, engines, acceptance scripts)
	go test -timeout 25m ./...

judges: ## the code that test/wire judges: every service, and Smithy's test services
	go -C test/wire generate

clients: build judges ## real clients: SDKs, Terraform, judges in modules of their own
	@set -e; for m in $$(git ls-files 'test/*/go.mod' 'test/*/*/go.mod'); do d=$$(dirname $$m); echo "== $$d"; go -C $$d test ./...; done

check: setup generate lint unit clients race ## what CI runs

generate: ## api/ is what the generator writes
	go generate ./...
	git diff --exit-code -- api
	@test -z "$$(git status --porcelain -- api)" || { git status --short -- api; echo "api/ is not what the generator writes: commit it"; exit 1; }

lint: setup ## gofmt, vet, staticcheck, errcheck
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); echo "run gofmt -w on these"; exit 1; }
	go vet ./...
	$(TOOLS)/staticcheck ./...
	$(TOOLS)/errcheck -ignoretests -exclude .errcheck ./...

RACE := ./arn ./bus ./caller ./gateway/... ./hsm ./keys/... ./oidc ./pattern/... ./plane/... ./policy ./saml ./scan ./service/... ./sigv4 ./store ./store/memory ./store/sqlite ./trail/... ./wire ./work

race: ## the concurrent packages under the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race -short $(RACE)

bench: build setup ## measure against the peers, in one run
	go -C bench/policy run .
	go -C bench/server run .
	go -C bench/detect run .
	go run ./bench/accuracy

clean:
	rm -rf bin .cache
