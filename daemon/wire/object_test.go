package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIntegersInOtherNotations(t *testing.T) {
	for text, want := range map[string]int64{"16.0": 16, "1e3": 1000, "-0": 0, "9223372036854775807": 1<<63 - 1, "-9223372036854775808": -1 << 63} {
		n, isInteger, fits := parseInteger([]byte(text))
		require.True(t, isInteger && fits, text)
		require.Equal(t, want, n, text)
	}
	for _, text := range []string{"1e300", "-1e300", "1e999", "9223372036854775808", "-9223372036854775809", "9.3e18"} {
		_, isInteger, fits := parseInteger([]byte(text))
		require.True(t, isInteger && !fits, text)
	}
	_, isInteger, _ := parseInteger([]byte("1.5e0"))
	require.False(t, isInteger)
}
