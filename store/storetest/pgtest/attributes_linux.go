package pgtest

import "syscall"

// attributes make a child run as cred, and end when this process ends, even by kill -9.
func attributes(cred *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: cred, Pdeathsig: syscall.SIGQUIT}
}
