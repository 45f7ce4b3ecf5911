# One entry for people, cron and CI. `make` alone prints this help.
SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

TYPST_VERSION := 0.15.1
SEED   ?= 20250127
OUT    ?= out
SAMPLE := .sample/$(SEED)
# The veraPDF command; no package registry has it, so that it is looked for and left out where it is missing.
VERAPDF ?= verapdf
# Folder with market data; without one, the reconstruction made by `make sample`.
DATA   ?=
# The reconstruction holds one winter: stories of other days need real data.
STORIES := reports/2023-05-nvidia-guidance reports/2024-07-chip-curbs reports/2025-04-tariffs
REPORTS ?= $(filter-out $(if $(DATA),,$(STORIES)),$(wildcard reports/*))
# Real data and reference vectors for the tests that need them.
SHOCKBRIEF_DATA      ?= $(abspath $(wildcard ../shared/data))
SHOCKBRIEF_REFERENCE ?= $(abspath $(wildcard ../shared/reference))

export PATH := $(CURDIR)/.tools/bin:$(PATH)
BIN := target/release/shockbrief

.PHONY: docs advisories trials tools approve verapdf browser bench-store warehouse help briefs report test check fmt lint doc deny typst sample build snapshots verify fuzz bench clean due weekly monthly flash faults year

help: ## Show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

briefs: tools $(if $(DATA),,sample) ## Make all briefs into out/ (DATA=FOLDER for real market data)
	@$(BIN) render $(REPORTS) --data "$(or $(DATA),$(SAMPLE))" --out "$(OUT)"

report: tools $(if $(DATA),,sample) ## Make one brief: make report R=2025-01-deepseek
	@$(BIN) render "reports/$(R)" --data "$(or $(DATA),$(SAMPLE))" --out "$(OUT)"

# Without market data it is the morning after the reconstruction's last session, else it is now.
NOW ?= $(if $(DATA),,2025-02-15T07:00:00Z)
RUN  = $(BIN) run --data "$(or $(DATA),$(SAMPLE))" --out "$(OUT)" $(if $(NOW),--now "$(NOW)")

due: tools $(if $(DATA),,sample) ## Make whatever is due now (without DATA: on 15 February 2025; NOW=INSTANT for another)
	@$(RUN)

weekly: tools $(if $(DATA),,sample) ## Make the weekly monitor if it is due
	@$(RUN) --reports 'reports/weekly*'

monthly: tools $(if $(DATA),,sample) ## Make the monthly brief and the portfolio letters if they are due
	@$(RUN) --reports 'reports/monthly*,reports/portfolio*'

flash: tools $(if $(DATA),,sample) ## Make the briefs on shocks that are due
	@$(RUN) --reports 'reports/*deepseek,reports/flash*'

# Tells which step runs and how long it took: $(call step,NAME,COMMAND).
define step
printf '== %s\n' "$(1)" >&2; began=$$SECONDS; $(2); printf '   %s: %d s\n' "$(1)" $$((SECONDS - began)) >&2
endef

# Always the whole workspace: a selection of packages would select other features of shared dependencies,
# and polars would be built twice.
build:
	+@$(call step,building shockbrief,cargo build --release --locked --workspace)

# Only what lays out and draws is optimised fully: the rest of typst (bibliographies, plugins, highlighting, its own
# options) does nothing in a brief, and half of its build is saved.
TYPST_FAST := typst-library typst-layout typst-realize typst-eval typst-syntax typst-pdf typst-svg typst-utils typst-timing \
  comemo krilla krilla-svg usvg rustybuzz ttf-parser subsetter ecow hashbrown indexmap siphasher skrifa read-fonts hypher \
  icu_segmenter icu_properties unicode-bidi unicode-script kurbo tiny-skia tiny-skia-path miniz_oxide zlib-rs flate2 \
  roxmltree pdf-writer smallvec rustc-hash foldhash zune-jpeg png
TYPST_BUILD := --config 'profile.release.opt-level=3' --config 'profile.release.package."*".opt-level=1' \
  $(foreach crate,$(TYPST_FAST),--config 'profile.release.package.$(crate).opt-level=3')

typst: ## Provide typst $(TYPST_VERSION) (PATH, prebuilt, or built into .tools)
	+@if [ "$$(typst --version 2>/dev/null | cut -d' ' -f2)" = "$(TYPST_VERSION)" ]; then exit 0; \
	elif command -v cargo-binstall >/dev/null 2>&1 \
	  && cargo binstall --no-confirm --root .tools "typst-cli@$(TYPST_VERSION)"; then exit 0; \
	else $(call step,building typst,cargo install --quiet --locked --root .tools --version $(TYPST_VERSION) \
	  --no-default-features --features embedded-fonts $(TYPST_BUILD) typst-cli); fi

# The two builds share the processors from the start: one fills what the other's last crates leave idle.
tools:
	+@$(MAKE) --no-print-directory -j2 build typst

sample: build ## Make the reconstructed market data (SEED=N)
	@[ -s $(SAMPLE)/prices.csv -a $(SAMPLE)/prices.csv -nt config/sample.yaml -a $(SAMPLE)/prices.csv -nt $(BIN) ] \
	  || $(BIN) sample --seed $(SEED) --out $(SAMPLE)

test: tools sample ## Pass all tests; those on real data where ../shared or SHOCKBRIEF_DATA exists
	@SHOCKBRIEF_SAMPLE="$(abspath $(SAMPLE))" INSTA_UPDATE=no cargo test --release --locked --workspace
	@if [ -n "$(SHOCKBRIEF_DATA)" ] && [ -n "$(SHOCKBRIEF_REFERENCE)" ]; then \
	  SHOCKBRIEF_DATA="$(SHOCKBRIEF_DATA)" SHOCKBRIEF_REFERENCE="$(SHOCKBRIEF_REFERENCE)" \
	  SHOCKBRIEF_SAMPLE="$(abspath $(SAMPLE))" INSTA_UPDATE=no \
	  cargo test --release --locked --workspace -- --ignored; \
	else echo "left out: tests on real data and reference vectors (set SHOCKBRIEF_DATA and SHOCKBRIEF_REFERENCE)"; fi

check: fmt lint doc ## Format, clippy and documentation, warnings denied

fmt:
	@cargo fmt --all --check

lint:
	@cargo clippy --release --locked --workspace --all-targets -- -D warnings

doc:
	@RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" cargo doc --release --locked --workspace --no-deps --quiet

deny: build ## Licences, sources, bans and advisories of dependencies; with cargo-deny, all advisories too
	@cargo test --release --locked --workspace --test suite supply::
	@if cargo deny --version >/dev/null 2>&1; then cargo deny --locked check; \
	else echo "left out: the whole list of advisories (cargo install --locked cargo-deny)"; fi

advisories: build ## Write the dated copy of the public advisories anew (DB=checkout of the list, DATED=its day)
	@SHOCKBRIEF_ADVISORIES="$(abspath $(DB))" DATED="$(or $(DATED),$(shell git -C "$(DB)" log -1 --format=%cs))" \
	  cargo test --release --locked --workspace --test suite supply::the_list_is_written_anew -- --ignored

# Every report at its own period, the monthly ones at each of MONTHS.
docs: build ## Write the pages of docs/ that are made from the program
	@$(BIN) reference docs

trials: build $(if $(DATA),,sample) ## What could refute each claim of every brief (DATA=FOLDER; MONTHS="2024-07 2024-08")
	@for report in $(REPORTS); do \
	  case "$$report" in *monthly*|*letter*) periods="$(MONTHS)";; *) periods="";; esac; \
	  for period in $${periods:-own}; do \
	    $(BIN) check "$$report" --format trials --data "$(or $(DATA),$(SAMPLE))" \
	      $$([ "$$period" = own ] || printf -- '--period %s' "$$period") || exit $$?; \
	  done; done

faults: tools sample ## Kill runs, fetches and deliveries 200 times each and check what is left
	@SHOCKBRIEF_KILLS=200 SHOCKBRIEF_SAMPLE="$(abspath $(SAMPLE))" cargo test --release --locked --workspace --test suite killed_ -- --nocapture
	@SHOCKBRIEF_SAMPLE="$(abspath $(SAMPLE))" cargo test --release --locked --workspace --test suite killed_200_times -- --ignored --nocapture

year: tools ## A year of daily runs on real data, every report type (needs SHOCKBRIEF_DATA)
	@SHOCKBRIEF_YEAR=1 SHOCKBRIEF_DATA="$(SHOCKBRIEF_DATA)" cargo test --release --locked --workspace --test suite year:: -- --ignored --nocapture

browser: tools sample ## Open the archive and the preview in Chromium, with axe-core (installs both where it can)
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && apt-get install -y -qq chromium >/dev/null 2>&1; } || true
	@[ -s .tools/axe/node_modules/axe-core/axe.min.js ] || npm install --silent --no-audit --no-fund --prefix .tools/axe axe-core@4.10.3 >/dev/null 2>&1 || true
	@if command -v chromium >/dev/null && [ -s .tools/axe/node_modules/axe-core/axe.min.js ]; then \
	  rm -rf .sample/archive && $(BIN) render $(REPORTS) --data "$(SAMPLE)" --out .sample/archive >/dev/null \
	  && tests/browser/check.sh .sample/archive .tools/axe/node_modules/axe-core/axe.min.js \
	  && tests/browser/watch.sh $(BIN) "$(SAMPLE)" .tools/axe/node_modules/axe-core/axe.min.js; \
	else echo "left out: the archive and the preview in a browser (install chromium and npm)"; fi

warehouse: tools sample ## Briefs from SQLite and PostgreSQL (gets ADBC drivers and a server where it can)
	@SHOCKBRIEF_SAMPLE="$(abspath $(SAMPLE))" tests/warehouse/run.sh \
	  cargo test --release --locked --workspace --test suite warehouse:: -- --nocapture

snapshots: tools sample ## Accept changed snapshots after you have read the diff
	@SHOCKBRIEF_SAMPLE="$(abspath $(SAMPLE))" INSTA_UPDATE=always INSTA_FORCE_PASS=1 cargo test --release --workspace

approve: tools sample ## Draw the sample's pages again, show old, new and difference, and accept the new ones
	@SHOCKBRIEF_APPROVE=1 SHOCKBRIEF_SAMPLE="$(abspath $(SAMPLE))" cargo test --release --locked --workspace --test suite looks:: -- --nocapture

verapdf: tools sample ## Validate every brief with veraPDF, where it is installed (VERAPDF=path)
	@if command -v "$(VERAPDF)" >/dev/null; then \
	  rm -rf .sample/verapdf && $(BIN) render $(REPORTS) --data "$(or $(DATA),$(SAMPLE))" --out .sample/verapdf >/dev/null \
	  && tests/verapdf/check.sh "$(VERAPDF)" .sample/verapdf; \
	else echo "left out: validation with veraPDF (install it from verapdf.org, or name it with VERAPDF=path)"; fi

verify: tools sample ## Make every brief again, elsewhere and under other settings, and compare the bytes
	@rm -rf .sample/verify && $(BIN) render $(REPORTS) --data "$(or $(DATA),$(SAMPLE))" --out .sample/verify >/dev/null
	@$(BIN) verify .sample/verify/*/*/manifest.json --data "$(or $(DATA),$(SAMPLE))"
	@cd / && TZ=Asia/Tokyo LANG=tr_TR.UTF-8 RAYON_NUM_THREADS=1 POLARS_MAX_THREADS=1 "$(CURDIR)/$(BIN)" verify "$(CURDIR)"/.sample/verify/*/*/manifest.json \
	  --data "$(abspath $(or $(DATA),$(SAMPLE)))" --config "$(CURDIR)/config" --reports "$(CURDIR)/reports" >/dev/null && echo "the same bytes from another folder, time zone, locale and with one thread"

# Half of them answers of providers, a quarter configurations, store lists and ledger lines, a quarter CSV files and
# their cells: six properties of 32,000 cases, of which two read each file twice.
fuzz: build ## A million broken inputs through all parsers: providers, CSV files, configurations, store lists, ledgers
	@SHOCKBRIEF_FUZZ=500000 cargo test --release --locked --workspace --test suite fuzz:: -- --nocapture
	@PROPTEST_CASES=32000 cargo test --release --locked --workspace --lib panic

bench: ## Measure the analytics beside a matrix product and a memory copy
	@cargo bench --locked --workspace --benches

# Fifty million rows: 700 MB of disk for a while, some minutes, and less than 1 GiB of memory for the store.
SYMBOLS  ?= 20000
SESSIONS ?= 2500
bench-store: ## Measure the store of fetched values beside polars' own scan (SYMBOLS=20000 SESSIONS=2500)
	@SHOCKBRIEF_BENCH_SYMBOLS=$(SYMBOLS) SHOCKBRIEF_BENCH_SESSIONS=$(SESSIONS) \
	  cargo bench --locked --workspace --bench store

clean: ## Remove what make made, except .tools
	@rm -rf out .sample && cargo clean
