//go:build !noasm

package kernels

import "github.com/klauspost/cpuid/v2"

// supported returns the levels above generic that this CPU can run, best first.
func supported() (levels []Impl) {
	if cpuid.CPU.Supports(amxFeatures...) && amxPermitted() {
		levels = append(levels, amx)
	}
	if cpuid.CPU.Supports(avx512Features...) {
		levels = append(levels, avx512)
	}
	if cpuid.CPU.Supports(avxvnniFeatures...) {
		levels = append(levels, avxvnni)
	}
	if cpuid.CPU.Supports(avx2Features...) {
		levels = append(levels, avx2)
	}
	return levels
}
