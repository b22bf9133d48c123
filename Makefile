# What people and CI run. `make check` and `make test` are all that CI runs; both install what they need.

CARGO ?= cargo
# Seconds that each fuzz target runs for.
FUZZ_SECONDS ?= 30
# Flags of the benchmark (`--help` lists them), and where its figures are written.
BENCH_ARGS ?=
BENCH_OUT ?= target/bench.md

.PHONY: help demo check fmt clippy doc deny test unit fuzz bench tools backends clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 10

demo: ## two sample servers, the gateway and a tour of one traced call
	$(CARGO) run --release -- demo

check: fmt clippy doc deny ## formatting, lints, documentation, dependency rules; everything compiles

fmt:
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check

clippy:
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) clippy --manifest-path fuzz/Cargo.toml --all-targets --locked -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

# Licences, bans and sources. Advisories need the network and change without a commit, so they are asked by hand.
deny: tools
	.tools/bin/cargo-deny --locked check bans licenses sources

test: unit fuzz ## every test, against the real Envoy and a real OTLP receiver, then a short fuzz run

unit: tools backends
	$(CARGO) test --workspace --locked

fuzz: ## each fuzz target for FUZZ_SECONDS
	fuzz/run $(FUZZ_SECONDS)

bench: tools ## what the gateway and its telemetry cost: ratios, as Markdown; a quarter of an hour
	@mkdir -p $(dir $(BENCH_OUT))
	CARGO=$(CARGO) BENCH_ARGS="$(BENCH_ARGS)" bench/run >$(BENCH_OUT)
	@cat $(BENCH_OUT)

tools: ## the programs of scripts/tools.txt, into .tools
	scripts/tools.sh

backends: tools ## Prometheus, the OpenTelemetry Collector and Phoenix, into .tools
	scripts/backends.sh

clean: ## remove what was built; .tools stays
	$(CARGO) clean
	rm -rf fuzz/target
