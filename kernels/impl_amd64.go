//go:build !noasm

package kernels

// candidates returns the levels above generic, best first.
func candidates() []candidate {
	return []candidate{
		{&amx, amxFeatures, amxPermitted},
		{&avx512, avx512Features, nil},
		{&avxvnni, avxvnniFeatures, nil},
		{&avx2, avx2Features, nil},
	}
}
