package main_test

import (
	"fmt"
	"go/ast"
	"slices"
	"strconv"
	"strings"
)

const modulePath = "github.com/marktbote/marktbote"

// layer says what the packages of one place may import beyond the standard library.
type layer struct {
	ours    []string // packages of ours; "x/..." means x and everything below it
	tests   []string // packages of ours that test files may import as well
	foreign []string // modules of others; "*" means any; test files may import any
	banned  []string // packages of the standard library that may not be imported, by files other than tests
	why     string   // reason of the restriction, for the message
}

// Packages of the standard library that reach outside the program.
var (
	bannedInFormats = []string{"net/...", "os/...", "log/...", "database/...", "syscall", "plugin"}
	bannedInEdifact = append([]string{"time"}, bannedInFormats...)
)

// What the layers may import, bottom up.
var (
	belowRules = []string{"edifact", "formats", "formats/ident", "formats/calendar", "formats/condition"}
	belowMIG   = append(slices.Clip(belowRules), "formats/rules")
	belowAHB   = append(slices.Clip(belowMIG), "formats/mig")
	belowCheck = append(slices.Clip(belowAHB), "formats/ahb", "formats/event")
	belowAck   = append(slices.Clip(belowCheck), "formats/check")

	testsOfFormats = []string{"fixtures", "formats/...", "edifact/..."}
	testsOfStore   = []string{"store/...", "fixtures"}
	testsOfGateway = []string{"store/...", "gateway/...", "fixtures", "edifact/..."}

	belowGateway  = []string{"edifact", "formats/...", "store"}
	belowChannels = append(slices.Clip(belowGateway), "gateway/route", "gateway/config", "gateway/audit", "gateway/partner", "gateway/smime")
	belowWork     = append(slices.Clip(belowChannels), "gateway/as4/...", "gateway/mail/...")
	belowPipeline = append(slices.Clip(belowWork), "gateway/work", "gateway/deliver/...")
	belowAPI      = append(slices.Clip(belowPipeline), "gateway", "gateway/auth")
)

// Reasons that appear in messages.
const (
	whyEdifact  = "edifact knows the syntax only: standard library, no network, no files, no clock, no logging"
	whyFormats  = "formats is pure: edifact and the layers of formats below, no network, no files, no database, no logging"
	whyStore    = "store knows nothing of ours, and no HTTP; drivers know store and sqlstore"
	whyFixtures = "fixtures are plain files and know nothing of ours"
	whyGateway  = "gateway knows formats, edifact, the package store but no driver of it, and gateway packages further down"
	whyCmd      = "a command may import everything of ours but another command"
	whyBook     = "the reference consumer knows nothing of ours but the published form of the events, so that it proves that the feed is enough"
)

// book is the reference consumer of the event feed. It lies below the command that it is the core of and is no command
// itself: the demo and the count of contracts use it too.
const book = "cmd/marktbote-ledger/book"

// layers is the import direction of the repository. A package that is not in it has no place yet.
var layers = map[string]layer{
	"edifact":             {tests: []string{"edifact/...", "fixtures"}, banned: bannedInEdifact, why: whyEdifact},
	"edifact/edifacttest": {ours: []string{"edifact"}, banned: bannedInFormats, why: whyEdifact},

	"formats":           formatsLayer("edifact"),
	"formats/ident":     formatsLayer("formats"),
	"formats/calendar":  formatsLayer("formats"),
	"formats/condition": formatsLayer("formats"),
	"formats/rules":     formatsLayer(belowRules...),
	"formats/rules/...": formatsLayer(belowMIG...),
	"formats/mig":       formatsLayer(belowMIG...),
	"formats/ahb":       formatsLayer(belowAHB...),
	"formats/event":     formatsLayer(belowAHB...),
	"formats/check":     formatsLayer(belowCheck...),
	"formats/sample":    formatsLayer(belowAck...),
	"formats/ack":       formatsLayer(belowAck...),
	"formats/explain":   formatsLayer(belowAck...),
	"formats/process":   formatsLayer("edifact", "formats", "formats/ident", "formats/calendar", "formats/event"),

	"store":                  storeLayer(),
	"store/sqlstore":         storeLayer("store"),
	"store/sqlite":           storeLayer("store", "store/sqlstore"),
	"store/postgres":         storeLayer("store", "store/sqlstore"),
	"store/storetest":        storeLayer("store"),
	"store/storetest/pgtest": storeLayer(),

	"fixtures":     {foreign: []string{"*"}, banned: []string{"net/..."}, why: whyFixtures, tests: []string{"edifact/..."}},
	"fixtures/...": {foreign: []string{"*"}, ours: []string{"fixtures"}, why: whyFixtures},

	"gateway/route":   gatewayLayer(),
	"gateway/config":  gatewayLayer(append(slices.Clip(belowGateway), "gateway/route")...),
	"gateway/audit":   gatewayLayer(belowGateway...),
	"gateway/objects": gatewayLayer(append(slices.Clip(belowGateway), "gateway/config")...),
	"gateway/partner": gatewayLayer(append(slices.Clip(belowGateway), "gateway/config", "gateway/as4/brainpool", "gateway/as4/smpki")...),
	"gateway/smime":   gatewayLayer(append(slices.Clip(belowGateway), "gateway/config")...),
	"gateway/auth":    gatewayLayer(append(slices.Clip(belowGateway), "gateway/config", "gateway/audit")...),

	"gateway/as4/brainpool": gatewayLayer(),
	"gateway/as4/smpki":     gatewayLayer("gateway/as4/brainpool"),
	"gateway/as4/testpki":   gatewayLayer("gateway/as4/brainpool", "gateway/as4/smpki"),
	"gateway/as4/xmltree":   gatewayLayer(),
	"gateway/as4/ebms":      gatewayLayer("gateway/as4/xmltree"),
	"gateway/as4/swa":       gatewayLayer("gateway/as4/ebms"),
	"gateway/as4/wss":       gatewayLayer("gateway/as4/brainpool", "gateway/as4/smpki", "gateway/as4/xmltree", "gateway/as4/ebms"),
	"gateway/as4/proxy":     gatewayLayer(append(slices.Clip(belowChannels), "gateway/as4/brainpool", "gateway/as4/smpki")...),
	"gateway/as4/doctor":    gatewayLayer(append(slices.Clip(belowChannels), "gateway/as4/smpki", "gateway/as4/proxy")...),
	"gateway/as4/libssl":    gatewayLayer("gateway/as4/smpki"),
	"gateway/as4/interop":   gatewayLayer(append(slices.Clip(belowChannels), "gateway/as4/...")...),
	"gateway/as4/nasty": gatewayLayer("gateway/as4/smpki", "gateway/as4/testpki", "gateway/as4/xmltree", "gateway/as4/ebms",
		"gateway/as4/swa", "gateway/as4/wss"),
	"gateway/as4/...": gatewayLayer(belowChannels...),
	"gateway/as4":     gatewayLayer(append(slices.Clip(belowChannels), "gateway/as4/...")...),

	"gateway/mail":        gatewayLayer(belowChannels...),
	"gateway/mail/...":    gatewayLayer(belowChannels...),
	"gateway/work":        gatewayLayer(belowWork...),
	"gateway/deliver":     gatewayLayer(belowWork...),
	"gateway/deliver/...": gatewayLayer(belowWork...),
	"gateway":             gatewayLayer(belowPipeline...),
	"gateway/api":         gatewayLayer(belowAPI...),
	"gateway/pickup":      gatewayLayer(belowAPI...),
	"gateway/feed":        gatewayLayer(belowAPI...),
	"gateway/web":         gatewayLayer(append(slices.Clip(belowAPI), "gateway/api")...),

	book:                   {tests: []string{"edifact", "formats/...", "fixtures"}, why: whyBook},
	"cmd/marktbote-ledger": {ours: []string{book}, tests: []string{"edifact", "formats/...", "fixtures"}, foreign: []string{"*"}, why: whyBook},
	"cmd/...": {
		ours:    []string{"edifact/...", "formats/...", "store/...", "gateway/...", "fixtures/...", book},
		foreign: []string{"*"}, why: whyCmd,
	},
}

func formatsLayer(ours ...string) layer {
	return layer{
		ours: ours, tests: testsOfFormats, foreign: []string{"github.com/cockroachdb/apd/v3"}, banned: bannedInFormats, why: whyFormats,
	}
}

func storeLayer(ours ...string) layer {
	return layer{ours: ours, tests: testsOfStore, foreign: []string{"*"}, banned: []string{"net/http/..."}, why: whyStore}
}

func gatewayLayer(ours ...string) layer {
	return layer{ours: ours, tests: testsOfGateway, foreign: []string{"*"}, why: whyGateway}
}

// onlyForTests are packages that only tests and test packages may import.
var onlyForTests = []string{"edifact/edifacttest", "store/storetest", "store/storetest/pgtest"}

// layerOf returns the layer of a package folder: its own, or that of the nearest folder above with "/...".
func layerOf(dir string) (layer, bool) {
	if l, ok := layers[dir]; ok {
		return l, true
	}
	for d := dir; ; {
		i := strings.LastIndexByte(d, '/')
		if i < 0 {
			return layer{}, false
		}
		d = d[:i]
		if l, ok := layers[d+"/..."]; ok {
			l.ours = append(slices.Clip(l.ours), d) // a part may use the whole it belongs to
			return l, true
		}
	}
}

// within reports whether name is one of the patterns.
func within(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if parent, ok := strings.CutSuffix(p, "/..."); ok {
			return name == parent || strings.HasPrefix(name, parent+"/")
		}
		return p == "*" || name == p
	})
}

// importViolations checks the direction of imports.
func importViolations(repo tree) []string {
	files, violations := goFiles(repo)
	homeless := map[string]bool{}
	for i := range files {
		f := &files[i]
		l, ok := layerOf(f.dir)
		if !ok {
			if !homeless[f.dir] {
				homeless[f.dir] = true
				violations = append(violations, fmt.Sprintf("%s: package folder %s has no place in the import direction: add it to the table layers of house_imports_test.go", f.path, f.dir))
			}
			continue
		}
		for _, spec := range f.ast.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				continue // the parser has checked it
			}
			if reason := forbidden(f, l, name); reason != "" {
				violations = append(violations, fmt.Sprintf("%s imports %s: %s", f.at(spec.Pos()), name, reason))
			}
		}
	}
	return violations
}

// forbidden returns why a file may not import a package, "" if it may.
func forbidden(f *goFile, l layer, name string) string {
	if own, ok := strings.CutPrefix(name, modulePath+"/"); ok {
		switch {
		case f.test && (own == f.dir || within(own, l.tests)):
			return ""
		case !f.test && slices.Contains(onlyForTests, own) && !slices.Contains(onlyForTests, f.dir):
			return "it is for tests only"
		case strings.HasPrefix(own, "cmd/") && own != book || !within(own, l.ours):
			return l.why
		}
		return ""
	}
	first, _, _ := strings.Cut(name, "/")
	if strings.Contains(first, ".") { // a module of others
		if !f.test && !slices.ContainsFunc(l.foreign, func(m string) bool { return within(name, []string{m, m + "/..."}) }) {
			return "this module is not on the list of its layer; " + l.why
		}
		return ""
	}
	if !f.test && within(name, l.banned) {
		return l.why
	}
	return ""
}

// clockViolations checks that edifact and formats get the time as an argument.
func clockViolations(repo tree) []string {
	files, _ := goFiles(repo)
	var violations []string
	for i := range files {
		f := &files[i]
		if f.test || !within(f.dir, []string{"edifact/...", "formats/..."}) {
			continue
		}
		ast.Inspect(f.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if ok && pkg.Name == "time" && slices.Contains([]string{"Now", "Since", "Until", "Sleep", "After", "Tick", "NewTimer", "NewTicker", "AfterFunc"}, sel.Sel.Name) {
				violations = append(violations, fmt.Sprintf("%s uses time.%s: edifact and formats get the time as an argument", f.at(sel.Pos()), sel.Sel.Name))
			}
			return true
		})
	}
	return violations
}
