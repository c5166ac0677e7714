//go:build !noasm

package kernels

func clearVectors()
