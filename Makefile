# Marktbote: build, test and check. "make" or "make help" lists the targets.

GO            ?= go
BENCH         ?= .
COUNT         ?= 1
FUZZTIME      ?= 10m
FUZZMINIMIZE  ?= 10s
FUZZ          ?= .

GOLANGCI_VERSION    = 2.15.0
STATICCHECK_VERSION = 0.8.2
GOVULNCHECK_VERSION = 1.8.0

BIN         = $(CURDIR)/.bin
GOLANGCI    = $(BIN)/golangci-lint-$(GOLANGCI_VERSION)
STATICCHECK = $(BIN)/staticcheck-$(STATICCHECK_VERSION)
GOVULNCHECK = $(BIN)/govulncheck-$(GOVULNCHECK_VERSION)

.PHONY: help build test tls-test packs lint golangci staticcheck govulncheck bench fuzz cover crash load interop cc postgresql nginx libssl fmt-check vet

help: ## list the targets
	@echo 'Targets:'
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r t d; do printf '  %-10s %s\n' "$$t" "$$d"; done
	@echo 'Variables: BENCH=regexp COUNT=n (bench), FUZZ=regexp FUZZTIME=10m (fuzz), CI_PUBLIC=1 (lint)'

build: ## build the command into ./marktbote, static
	CGO_ENABLED=0 $(GO) build -trimpath -o marktbote ./cmd/marktbote

test: cc postgresql nginx ## vet and test everything with the race detector
	@$(GO) vet ./...
	@CGO_ENABLED=1 $(GO) test -race -timeout 20m ./...
	@$(GO) test -run 'TestYear$$' ./gateway # the whole year: the race detector makes it ten times slower

packs: ## make the rule packs and code lists in formats/rules anew from SOURCE
	@test -d "$(SOURCE)/mig" || { echo "SOURCE must be a directory with mig, ahb, conditions, codelists and ebd" >&2; exit 1; }
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && \
	for fv in FV2510 FV2604 FV2610; do $(GO) run ./cmd/marktbote rules compile "$(SOURCE)" -o "$$dir" --fv $$fv || exit 1; done && \
	chmod -R u=rwX,go=rX "$$dir" && cp -r "$$dir"/FV* formats/rules/packs/ && mv formats/rules/packs/*.lists formats/rules/lists/

# The race detector needs a C compiler; nothing else does.
cc:
	@cc=$$($(GO) env CC); \
	if command -v $${cc%% *} >/dev/null 2>&1; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "no C compiler ($$cc): installing gcc for the race detector"; \
		apt-get update -qq </dev/null >/dev/null && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends gcc libc6-dev </dev/null >/dev/null && exit 0; \
	fi; \
	echo "The race detector needs a C compiler ($$cc) and there is none." >&2; \
	echo "Install gcc, or run the tests without it: go vet ./... && go test ./..." >&2; \
	exit 1

# The tests of the PostgreSQL driver start a server of their own from the installed binaries.
postgresql:
	@if [ -n "$$STORE_PG_DSN" ] || command -v postgres >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "no PostgreSQL: installing postgresql for the tests of its driver"; \
		mkdir -p /etc/postgresql-common && echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf && \
		apt-get update -qq </dev/null >/dev/null && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql </dev/null >/dev/null && exit 0; \
	fi; \
	echo "PostgreSQL is missing: its driver is NOT tested. Install it, or set STORE_PG_DSN." >&2; \
	if [ "$${CI:-}" = true ]; then exit 1; fi

# The tests of TLS start nginx and look at it with openssl.
nginx:
	@if command -v nginx >/dev/null 2>&1 && command -v openssl >/dev/null 2>&1; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "no nginx: installing nginx and openssl for the tests of TLS"; \
		apt-get update -qq </dev/null >/dev/null && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx openssl </dev/null >/dev/null && exit 0; \
	fi; \
	echo "nginx or openssl is missing: TLS is NOT tested. Install both." >&2; \
	if [ "$${CI:-}" = true ]; then exit 1; fi

# The tag libssl needs the library with its headers.
libssl:
	@if pkg-config --exists libssl 2>/dev/null; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "no headers of OpenSSL: installing libssl-dev for the tests of the tag libssl"; \
		apt-get update -qq </dev/null >/dev/null && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libssl-dev pkg-config </dev/null >/dev/null && exit 0; \
	fi; \
	echo "libssl-dev or pkg-config is missing: the tag libssl is NOT tested. Install both." >&2; exit 1

tls-test: cc nginx libssl ## messages through nginx with brainpool certificates, and what it negotiates
	MARKTBOTE_TLS_TEST=1 $(GO) test -count=1 -v -run 'TestMessage|TestUnsent|TestRefused|TestNegotiated|TestVerifier|TestFrom|TestChange|TestCrash|TestDoctor' ./gateway/as4/proxy ./gateway/as4/doctor ./cmd/marktbote
	CGO_ENABLED=1 MARKTBOTE_TLS_TEST=1 $(GO) test -count=1 -race -tags libssl ./gateway/as4/libssl
	CGO_ENABLED=1 MARKTBOTE_TLS_TEST=1 $(GO) test -count=1 -tags libssl -run TestDoctorLibrary ./cmd/marktbote

crash: postgresql ## kill -9 during load, 200 times for each store driver
	MARKTBOTE_CRASH_ROUNDS=200 $(GO) test -count=1 -timeout 60m -run Crash ./store/... ./gateway/...

load: postgresql ## 100,000 MSCONS queued in front of UTILMD, for each store driver
	MARKTBOTE_QUEUED=100000 $(GO) test -count=1 -v -timeout 60m -run TestUrgentOvertakes ./gateway

# phase4 comes from Maven Central, everything else from Debian. BDEW=1 adds phase4's own validator of the BDEW profile,
# where a repository has com.helger.phase4:phase4-profile-bdew.
INTEROP     = $(BIN)/interop
SANTUARIO   = /usr/share/java/xmlsec.jar:/usr/share/java/bcprov.jar:/usr/share/java/bcpkix.jar

interop: nginx ## AS4 with phase4, Santuario and Python as partners; prints the matrix
	@missing=; \
	command -v javac >/dev/null 2>&1 || missing="$$missing openjdk-17-jdk-headless"; \
	command -v mvn >/dev/null 2>&1 || missing="$$missing maven"; \
	[ -e /usr/share/java/xmlsec.jar ] || missing="$$missing libxml-security-java"; \
	[ -e /usr/share/java/bcpkix.jar ] || missing="$$missing libbcprov-java libbcpkix-java"; \
	/usr/bin/python3 -c 'import lxml.etree, cryptography' 2>/dev/null || missing="$$missing python3-lxml python3-cryptography"; \
	if [ -n "$$missing" ]; then \
		if [ "$$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then echo "interop needs:$$missing" >&2; exit 1; fi; \
		echo "installing$$missing"; \
		apt-get update -qq </dev/null >/dev/null && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing </dev/null >/dev/null || exit 1; \
	fi
	@mkdir -p $(INTEROP)/santuario
	@mvn -B -q -Dtarget=$(INTEROP)/phase4 $(if $(filter 1,$(BDEW)),-P bdew) -f gateway/as4/interop/testdata/phase4/pom.xml package || \
		{ echo "phase4 cannot be built: is there a Maven repository?" >&2; exit 1; }
	@javac -d $(INTEROP)/santuario -cp $(SANTUARIO) gateway/as4/interop/testdata/santuario/Santuario.java
	@cd gateway/as4/interop && MARKTBOTE_INTEROP=1 $(GO) test -count=1 -timeout 20m # without package names it prints the matrix

fmt-check: ## list Go files that gofmt would change
	@files=$$(find . -name '*.go' ! -path '*/.*/*' ! -path '*/testdata/*' -exec "$$($(GO) env GOROOT)/bin/gofmt" -l {} +) || exit 1; \
	if [ -n "$$files" ]; then echo "not formatted with gofmt:" >&2; echo "$$files" >&2; exit 1; fi

vet:
	@$(GO) vet ./...

# Every tool runs even if one before it has found something.
lint: $(GOLANGCI) $(STATICCHECK) $(GOVULNCHECK) ## gofmt, vet, golangci-lint, staticcheck, govulncheck
	@rc=0; \
	for step in fmt-check vet golangci staticcheck govulncheck; do \
		echo "== $$step"; $(MAKE) --no-print-directory $$step || rc=1; \
	done; \
	exit $$rc

golangci: $(GOLANGCI)
	@$(GOLANGCI) run ./...

# SA4000 and SA4017 are about benchmarks and fuzz tests, see .golangci.yml.
staticcheck: $(STATICCHECK)
	@$(STATICCHECK) -checks inherit,-SA4000,-SA4017 ./...

govulncheck: $(GOVULNCHECK)
	@out=$$($(GOVULNCHECK) ./... 2>&1); rc=$$?; echo "$$out"; \
	if [ $$rc -eq 0 ] || [ $$rc -eq 3 ]; then exit $$rc; fi; \
	if echo "$$out" | grep -q -E 'fetching vulnerabilities|vuln\.go\.dev'; then \
		echo "govulncheck: its database cannot be reached, vulnerabilities were NOT checked" >&2; \
		if [ "$${CI_PUBLIC:-0}" = 1 ]; then exit 1; fi; \
		exit 0; \
	fi; \
	exit $$rc

# Tools are built once into ./.bin, one at a time: golangci-lint alone takes minutes.
$(GOLANGCI):
	@$(call install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(GOLANGCI_VERSION),golangci-lint,$@)

$(STATICCHECK):
	@$(call install,honnef.co/go/tools/cmd/staticcheck@v$(STATICCHECK_VERSION),staticcheck,$@)

$(GOVULNCHECK):
	@$(call install,golang.org/x/vuln/cmd/govulncheck@v$(GOVULNCHECK_VERSION),govulncheck,$@)

# install(package, binary, file)
define install
	echo "building $(1)"; mkdir -p $(BIN)/tmp && GOBIN=$(BIN)/tmp nice $(GO) install -p 1 $(1) && mv $(BIN)/tmp/$(2) $(3)
endef

bench: ## run the benchmarks, BENCH selects
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) ./...

# go fuzzes one target of one package at a time, so the targets are collected first.
fuzz: ## run every fuzz target for FUZZTIME, one after another
	@list=$$(grep -r --include='*_test.go' -E -o '^func Fuzz[A-Za-z0-9_]*' . | sed 's/^\(.*\)\/[^/]*:func \(.*\)/\1 \2/' | sort -u | grep -E '$(FUZZ)'); \
	if [ -z "$$list" ]; then echo "no fuzz target matches $(FUZZ)" >&2; exit 1; fi; \
	echo "$$list" | { failed=; while read -r dir name; do \
		echo "== $$dir $$name"; \
		$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime $(FUZZMINIMIZE) "$$dir" </dev/null || failed="$$failed $$dir:$$name"; \
	done; \
	if [ -n "$$failed" ]; then echo "failed:$$failed" >&2; exit 1; fi; }

cover: ## test coverage: total on the terminal, lines in .bin/cover.html
	$(GO) test -coverprofile=cover.out -coverpkg=./... ./...
	@mkdir -p $(BIN) && $(GO) tool cover -html=cover.out -o $(BIN)/cover.html
	@$(GO) tool cover -func=cover.out | tail -n 1
