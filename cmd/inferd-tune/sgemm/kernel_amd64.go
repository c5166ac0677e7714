//go:build amd64 && !noasm

package sgemm

import "github.com/klauspost/cpuid/v2"

var haveKernel = cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3)

// kernel adds a 6×16 tile of a product to c.
//
//	a [6, k]   element (i, p) at a[i·rowStep + p·colStep]
//	b [k, 16]  packed
//	c [6, 16]  rows ldc elements apart
//
// k > 0. Nothing is checked.
//
//go:noescape
func kernel(k int, a *float32, rowStep, colStep int, b, c *float32, ldc int)
