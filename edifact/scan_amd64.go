package edifact

// hasVector reports whether the processor has AVX2 and BMI1, as nearly all since 2013 have.
var hasVector = hasAVX2()

// scanBlocksVector is scanBlocks with AVX2. len(src) must be at least 64*len(dst).
func scanBlocksVector(dst []blockMask, src []byte, p *pattern) {
	if len(dst) == 0 {
		return
	}
	_ = src[len(dst)*blockSize-1]
	scanBlocksAVX2(&dst[0], &src[0], len(dst), p)
}

// positionsVector is positions with BMI1. len(dst) must be at least 64.
func positionsVector(dst []uint32, d uint64, base uint32) int {
	_ = dst[blockSize-1]
	return positionsBMI(&dst[0], d, base)
}

//go:noescape
func scanBlocksAVX2(dst *blockMask, src *byte, n int, p *pattern)

//go:noescape
func positionsBMI(dst *uint32, d uint64, base uint32) int

func hasAVX2() bool
