#include "textflag.h"

// SCAN32 compares the 32 bytes at off(SI) with the pattern and puts one bit per byte into sep (separators), term
// (terminators), rel (release characters) and inv (octets outside the repertoire: 00-1F, 7F and 80-9F, that is
// b&7F < 20 or b == 7F).
#define SCAN32(off, sep, term, rel, inv) \
	VMOVDQU off(SI), Y0 \
	VPCMPEQB Y8, Y0, Y1 \
	VPCMPEQB Y9, Y0, Y2 \
	VPCMPEQB Y10, Y0, Y3 \
	VPCMPEQB Y11, Y0, Y4 \
	VPCMPEQB Y12, Y0, Y5 \
	VPAND Y12, Y0, Y6 \
	VPCMPGTB Y6, Y13, Y6 \
	VPOR Y2, Y1, Y1 \
	VPOR Y6, Y5, Y5 \
	VPMOVMSKB Y1, sep \
	VPMOVMSKB Y3, term \
	VPMOVMSKB Y4, rel \
	VPMOVMSKB Y5, inv

// JOIN stores two halves of 32 bits at off(DI).
#define JOIN(low, high, off) \
	SHLQ $32, high \
	ORQ low, high \
	MOVQ high, off(DI)

// func scanBlocksAVX2(dst *blockMask, src *byte, n int, p *pattern)
TEXT ·scanBlocksAVX2(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX
	MOVQ p+24(FP), AX
	VBROADCASTI128 0(AX), Y8
	VBROADCASTI128 16(AX), Y9
	VBROADCASTI128 32(AX), Y10
	VBROADCASTI128 48(AX), Y11
	VBROADCASTI128 64(AX), Y12
	VBROADCASTI128 80(AX), Y13

block:
	SCAN32(0, AX, BX, DX, R8)
	SCAN32(32, R9, R10, R11, R12)
	JOIN(AX, R9, 0)
	JOIN(BX, R10, 8)
	JOIN(DX, R11, 16)
	JOIN(R8, R12, 24)
	ADDQ $32, DI
	ADDQ $64, SI
	DECQ CX
	JNZ block
	VZEROUPPER
	RET

// POSITION stores base plus the index of the lowest bit and clears the bit.
#define POSITION(off) \
	TZCNTQ AX, DX \
	BLSRQ AX, AX \
	ADDL BX, DX \
	MOVL DX, off(DI)

// func positionsBMI(dst *uint32, d uint64, base uint32) int
TEXT ·positionsBMI(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ d+8(FP), AX
	MOVL base+16(FP), BX
	POPCNTQ AX, CX
	MOVQ CX, ret+24(FP)

eight:
	POSITION(0)
	POSITION(4)
	POSITION(8)
	POSITION(12)
	POSITION(16)
	POSITION(20)
	POSITION(24)
	POSITION(28)
	ADDQ $32, DI
	TESTQ AX, AX
	JNZ eight
	RET

// func hasAVX2() bool
TEXT ·hasAVX2(SB), NOSPLIT, $0-1
	MOVB $0, ret+0(FP)
	XORL AX, AX
	CPUID
	CMPL AX, $7
	JLT no
	MOVL $1, AX
	XORL CX, CX
	CPUID
	ANDL $0x18800000, CX // AVX, OSXSAVE, POPCNT
	CMPL CX, $0x18800000
	JNE no
	XORL CX, CX
	XGETBV
	ANDL $6, AX // the system saves XMM and YMM
	CMPL AX, $6
	JNE no
	MOVL $7, AX
	XORL CX, CX
	CPUID
	ANDL $0x28, BX // BMI1, AVX2
	CMPL BX, $0x28
	JNE no
	MOVB $1, ret+0(FP)

no:
	RET
