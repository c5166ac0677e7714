//go:build !amd64 || noasm

package sgemm

const haveKernel = false

func kernel(k int, a *float32, rowStep, colStep int, b, c *float32, ldc int) {
	panic("sgemm: no kernel on this architecture")
}
