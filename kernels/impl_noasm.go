//go:build noasm || !(amd64 || arm64)

package kernels

// supported returns the levels above generic that this CPU can run, best first.
func supported() []Impl { return nil }
