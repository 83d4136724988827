//go:build !amd64

package edifact

const hasVector = false

func scanBlocksVector(dst []blockMask, src []byte, p *pattern) { scanBlocks(dst, src, p) }

func positionsVector(dst []uint32, d uint64, base uint32) int { return positions(dst, d, base) }
