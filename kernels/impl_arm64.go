//go:build !noasm

package kernels

import "github.com/klauspost/cpuid/v2"

// supported returns the levels above generic that this CPU can run, best first.
func supported() (levels []Impl) {
	if cpuid.CPU.Supports(neonDotFeatures...) {
		levels = append(levels, neonDot)
	}
	if cpuid.CPU.Supports(neonFeatures...) {
		levels = append(levels, neon)
	}
	return levels
}
