//go:build unix

package brainpool

import (
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// BenchmarkOpenSSL compares with the "openssl speed" of this machine, which runs for a second before each of ours. Both
// count the time of the processor, so that other programs disturb little. The ratio is above 1 where this package is
// faster.
func BenchmarkOpenSSL(b *testing.B) {
	for _, c := range []struct {
		name, algorithm string
		line            string // of the output, up to the rates
		column          int
		operation       func(b *testing.B) func()
	}{
		{"sign", "ecdsabrp256r1", `ecdsa \(brainpoolP256r1\)`, 0, signing},
		{"verify", "ecdsabrp256r1", `ecdsa \(brainpoolP256r1\)`, 1, func(b *testing.B) func() { return verifying(b, P256r1()) }},
		{"ECDH", "ecdhbrp256r1", `ecdh \(brainpoolP256r1\)`, 0, agreeing},
		{"verify384", "ecdsabrp384r1", `ecdsa \(brainpoolP384r1\)`, 1, func(b *testing.B) func() { return verifying(b, P384r1()) }},
		{"verify512", "ecdsabrp512r1", `ecdsa \(brainpoolP512r1\)`, 1, func(b *testing.B) func() { return verifying(b, P512r1()) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			o := newOpenSSL(b)
			output := o.run("speed", "-seconds", "1", c.algorithm)
			// Behind the name come seconds per operation ("0.0003s"), then operations per second.
			found := regexp.MustCompile(c.line + `(?:\s+[0-9.]+s)+((?:\s+[0-9.]+\b)+)`).FindSubmatch(output)
			if found == nil {
				b.Fatalf("no speed in %s", output)
			}
			rates := regexp.MustCompile(`\S+`).FindAllString(string(found[1]), -1)
			theirs, err := strconv.ParseFloat(rates[c.column], 64)
			if err != nil {
				b.Fatal(err)
			}
			ours := rate(b, c.operation(b))
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(ours, "ours/s")
			b.ReportMetric(theirs, "openssl/s")
			b.ReportMetric(ours/theirs, "ratio")
		})
	}
}

// rate returns how often operation runs in a second of the processor.
func rate(b *testing.B, operation func()) float64 {
	operation() // makes the tables
	started, count := processorTime(b), 0
	for {
		for range 20 {
			operation()
		}
		count += 20
		if used := processorTime(b) - started; used >= time.Second {
			return float64(count) / used.Seconds()
		}
	}
}

func processorTime(b *testing.B) time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
