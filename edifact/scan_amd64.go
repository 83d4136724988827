package edifact

// scanBlocks fills dst from src, 64 bytes per entry; len(src) must be at least 64*len(dst). It uses SSE2, which
// every amd64 processor has.
func scanBlocks(dst []blockMask, src []byte, p *pattern) {
	if len(dst) == 0 {
		return
	}
	_ = src[len(dst)*64-1]
	scanBlocksSSE2(&dst[0], &src[0], len(dst), p)
}

//go:noescape
func scanBlocksSSE2(dst *blockMask, src *byte, n int, p *pattern)
