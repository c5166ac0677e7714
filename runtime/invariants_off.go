//go:build !invariants

package runtime

const invariants = false
