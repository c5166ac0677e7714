//go:build !noasm

#include "textflag.h"

// func pause(n int)
TEXT ·pause(SB), NOSPLIT, $0-8
	MOVD n+0(FP), R0

loop:
	YIELD
	SUBS $1, R0, R0
	BGT  loop
	RET

// func prefetch(b *byte, n int)
TEXT ·prefetch(SB), NOSPLIT, $0-16
	MOVD b+0(FP), R0
	MOVD n+8(FP), R1

line:
	PRFM (R0), PLDL2KEEP
	ADD  $64, R0
	SUBS $64, R1, R1
	BGT  line
	RET
