package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIntegersInOtherNotations(t *testing.T) {
	for text, want := range map[string]int64{"16.0": 16, "1e3": 1000, "-0": 0, "1e300": 1<<63 - 1, "-1e300": -1 << 63, "1e999": 1<<63 - 1} {
		n, ok := parseInteger([]byte(text))
		require.True(t, ok, text)
		require.Equal(t, want, n, text)
	}
	_, ok := parseInteger([]byte("1.5e0"))
	require.False(t, ok)
}
