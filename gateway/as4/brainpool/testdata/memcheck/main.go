// Command memcheck runs under Valgrind, which then reports every branch and every address that depends on a private key.
package main

/*
#include <valgrind/memcheck.h>

static void secret(size_t p, size_t n) { VALGRIND_MAKE_MEM_UNDEFINED((void *)p, n); }
static void published(size_t p, size_t n) { VALGRIND_MAKE_MEM_DEFINED((void *)p, n); }
*/
import "C"

import (
	"crypto/ecdsa"
	"fmt"
	"os"
	"unsafe"

	"github.com/marktbote/marktbote/gateway/as4/brainpool"
)

// secretBytes are the first fields of a brainpool.PrivateKey, the scalar and the same as an element.
const secretBytes = 32 + 64

func main() {
	key, peer := generate(), generate()
	public := peer.Public().(*ecdsa.PublicKey)
	digest := make([]byte, 32)
	sign(key, digest) // makes the tables

	C.secret(address(unsafe.Pointer(key)), secretBytes)
	step("ECDH")
	z, err := key.ECDH(public)
	stop(err)
	C.published(address(unsafe.Pointer(&z[0])), C.size_t(len(z)))
	step("SignRaw")
	sign(key, digest)
	step("Scalar")
	scalar := key.Scalar()
	step("control")
	if scalar[0] == 1 {
		step("this control only branches")
	}
	step("end")
}

func generate() *brainpool.PrivateKey {
	key, err := brainpool.GenerateKey()
	stop(err)
	return key
}

func sign(key *brainpool.PrivateKey, digest []byte) {
	_, err := key.SignRaw(digest)
	stop(err)
}

func address(p unsafe.Pointer) C.size_t { return C.size_t(uintptr(p)) }

func step(name string) { fmt.Fprintln(os.Stderr, "step", name) }

func stop(err error) {
	if err != nil {
		panic(err)
	}
}
