//go:build noasm || !(amd64 || arm64)

package kernels

// candidates returns the levels above generic, of which there are none.
func candidates() []candidate { return nil }
