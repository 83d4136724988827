//go:build !linux

package pgtest

import "syscall"

// attributes make a child run as cred.
func attributes(cred *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: cred}
}
