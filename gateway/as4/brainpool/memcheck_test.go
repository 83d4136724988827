package brainpool

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMemcheck lets Valgrind follow a private key through the machine code: it is declared uninitialised memory, and
// Memcheck reports branches and addresses that depend on such. It runs with BRAINPOOL_MEMCHECK=1 only, and needs Valgrind
// with its headers and a C compiler. What is expected are the two decisions that tell nothing (see decisions), and the
// control.
func TestMemcheck(t *testing.T) {
	if os.Getenv("BRAINPOOL_MEMCHECK") == "" {
		t.Skip("BRAINPOOL_MEMCHECK is not set")
	}
	program := filepath.Join(t.TempDir(), "memcheck")
	build := exec.CommandContext(t.Context(), "go", "build", "-tags", "valgrind", "-ldflags", "-compressdwarf=false", "-o", program, "./testdata/memcheck")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	run := exec.CommandContext(t.Context(), "valgrind", "--tool=memcheck", "--error-limit=no", program)
	run.Env = append(os.Environ(), "GOGC=off") // the collector reads secrets as it reads everything
	output, err := run.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}

	found := map[string][]string{}
	step, report := "", regexp.MustCompile(`^==\d+==    at 0x[0-9A-F]+: .* \((\w+\.go):(\d+)\)$`)
	for line := range strings.Lines(string(output)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "step "); ok {
			step = name
			found[step] = nil
		} else if at := report.FindStringSubmatch(line); at != nil && step != "" {
			found[step] = append(found[step], source(t, at[1], at[2]))
		}
	}
	delete(found, "this control only branches")
	want := map[string][]string{
		"ECDH": nil,
		"SignRaw": {
			"if below&^n.isZero(&nonce) == 0 { // says nothing about the one that is taken",
			"if n.isZero(&r)|n.isZero(&s) == 1 {",
		},
		"Scalar":  nil,
		"control": {"if scalar[0] == 1 {"},
		"end":     nil,
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("reports of Memcheck (-want +got):\n%s\n%s", diff, output)
	}
}

// source returns a line of this package or of the program.
func source(t *testing.T, file, line string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		if text, err = os.ReadFile(filepath.Join("testdata", "memcheck", file)); err != nil {
			return file + ":" + line
		}
	}
	number, err := strconv.Atoi(line)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(slices.Collect(strings.Lines(string(text)))[number-1])
}
