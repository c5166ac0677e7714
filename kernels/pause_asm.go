//go:build (amd64 || arm64) && !noasm

package kernels

func pause(n int)

//go:noescape
func prefetch(b *byte, n int)
