//go:build !noasm

package kernels

// candidates returns the levels above generic, best first.
func candidates() []candidate {
	return []candidate{
		{&neonDot, neonDotFeatures, nil},
		{&neon, neonFeatures, nil},
	}
}
