# `make help` lists what there is. Everything may be run twice, and by any user.

.DEFAULT_GOAL := help
TARGET_DIR = $(or $(CARGO_TARGET_DIR),target)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Benchmark a real engine on this machine: installs what is missing, builds, runs (about 5 minutes the first time)
	@scripts/demo-tools.sh
	@scripts/web.sh || echo 'going on without the site'
	cargo build --profile demo --bin dria-bench
	@$(TARGET_DIR)/demo/dria-bench demo

.PHONY: test
test: ## Install what tests need, then run every check
	@scripts/test.sh

.PHONY: unit
unit: ## Only the library's own tests
	cargo test --lib

.PHONY: lint
lint: ## Only format, lints, docs and scripts
	@scripts/test.sh format scripts lint docs

.PHONY: audit
audit: ## Ask for known vulnerabilities of what we build on: needs the network and cargo-deny
	cargo deny check advisories

.PHONY: web
web: ## Build the site: needs Node.js 20.19 or newer. The next build of the program takes it in
	@scripts/web.sh

.PHONY: site
site: ## Work on the site: shows it as it is edited, in front of a server that was filled for it
	cargo build
	@scripts/web.sh dev

.PHONY: pictures
pictures: ## Draw the pictures of the site in docs/images anew
	cargo build
	@scripts/web.sh build
	@scripts/web.sh pictures

.PHONY: fmt
fmt: ## Format the code
	cargo fmt

.PHONY: bench
bench: ## Measure the measuring instrument, and how quickly steps go (never part of `make test`)
	@scripts/bench.sh

.PHONY: sqlx
sqlx: ## Rewrite .sqlx after a change of SQL or of migrations
	@scripts/sqlx.sh
