// Package interop holds the tests of AS4 against foreign software as partner. It has no code of its own.
//
// Ordinary tests read what foreign software has recorded (testdata/recorded). With MARKTBOTE_INTEROP=1, as "make
// interop" sets it, foreign software is started: phase4 with its WS-Security layer (testdata/phase4, Java, built with
// Maven), Santuario with Bouncy Castle and Python with lxml and cryptography (Debian packages).
package interop
