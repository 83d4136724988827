//go:build !amd64

package edifact

// scanBlocks fills dst from src, 64 bytes per entry; len(src) must be at least 64*len(dst).
func scanBlocks(dst []blockMask, src []byte, p *pattern) { scanBlocksGeneric(dst, src, p) }
