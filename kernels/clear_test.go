package kernels

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestClearVectors: what computes on goes on as before, since Go keeps nothing in
// vector registers across calls, and no instruction is missing on this CPU.
func TestClearVectors(t *testing.T) {
	x := []float32{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}
	want, got := make([]float32, len(x)), make([]float32, len(x))
	Exp(want, x)
	ClearVectors()
	Exp(got, x)
	ClearVectors()
	require.Equal(t, want, got)
}
