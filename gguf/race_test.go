//go:build race

package gguf_test

// raceEnabled: the race detector makes some allocations larger.
const raceEnabled = true
