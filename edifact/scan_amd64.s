#include "textflag.h"

// SCAN16 compares the 16 bytes at off(SI) with the pattern and ORs the results, shifted to their place in the
// block, into R8 (separators), R9 (release characters), R10 (octets outside the repertoire: 00-1F, 7F and 80-9F,
// that is b&7F < 20 or b == 7F) and R11 (terminators).
#define SCAN16(off, shift) \
	MOVOU off(SI), X0 \
	MOVOA X0, X1 \
	MOVOA X0, X2 \
	MOVOA X0, X3 \
	MOVOA X0, X4 \
	PCMPEQB X8, X1 \
	PCMPEQB X9, X2 \
	PCMPEQB X10, X3 \
	POR X2, X1 \
	PMOVMSKB X1, AX \
	SHLQ $shift, AX \
	ORQ AX, R8 \
	PMOVMSKB X3, R12 \
	SHLQ $shift, R12 \
	ORQ R12, R11 \
	PCMPEQB X11, X4 \
	PMOVMSKB X4, BX \
	SHLQ $shift, BX \
	ORQ BX, R9 \
	MOVOA X0, X5 \
	MOVOA X13, X6 \
	PCMPEQB X12, X5 \
	PAND X12, X0 \
	PCMPGTB X0, X6 \
	POR X6, X5 \
	PMOVMSKB X5, DX \
	SHLQ $shift, DX \
	ORQ DX, R10

// func scanBlocksSSE2(dst *blockMask, src *byte, n int, p *pattern)
TEXT ·scanBlocksSSE2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ p+24(FP), AX
	MOVOU 0(AX), X8
	MOVOU 16(AX), X9
	MOVOU 32(AX), X10
	MOVOU 48(AX), X11
	MOVOU 64(AX), X12
	MOVOU 80(AX), X13

block:
	XORQ R8, R8
	XORQ R9, R9
	XORQ R10, R10
	XORQ R11, R11
	SCAN16(0, 0)
	SCAN16(16, 16)
	SCAN16(32, 32)
	SCAN16(48, 48)
	MOVQ R8, 0(DI)
	MOVQ R11, 8(DI)
	MOVQ R9, 16(DI)
	MOVQ R10, 24(DI)
	ADDQ $32, DI
	ADDQ $64, SI
	DECQ CX
	JNZ block
	RET
