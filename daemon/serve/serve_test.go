package serve

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseKeepAlive(t *testing.T) {
	for value, want := range map[string]time.Duration{
		`300`:          5 * time.Minute,
		`"300"`:        5 * time.Minute,
		`"5m"`:         5 * time.Minute,
		`"1h30m"`:      90 * time.Minute,
		`0.5`:          500 * time.Millisecond,
		`0`:            0,
		`"0"`:          0,
		`"0s"`:         0,
		`-1`:           Forever,
		`-0.5`:         Forever,
		`"-1m"`:        Forever,
		`-1e300`:       Forever,
		`1e300`:        maxKeepAlive,
		`"9999999999"`: maxKeepAlive,
	} {
		got, err := ParseKeepAlive([]byte(value))
		require.NoError(t, err, value)
		require.Equal(t, want, got, value)
	}
	for _, value := range []string{`""`, `"soon"`, `"5 m"`, `true`, `{}`, `[1]`, `"NaN"`, `1e999`} {
		_, err := ParseKeepAlive([]byte(value))
		require.ErrorIs(t, err, errKeepAlive, value)
	}
}

func TestDescribe(t *testing.T) {
	known := []Info{{Name: "a"}, {Name: "broken", Problem: "cut off"}, {Name: "b"}}
	for _, test := range []struct {
		err     error
		status  int
		code    string
		message string
	}{
		{Unknown("model", "x", known), http.StatusNotFound, "model_not_found", `the model "x" does not exist; there is "a", "b"`},
		{Unknown("adapter", "x", nil), http.StatusNotFound, "adapter_not_found", `the adapter "x" does not exist; there is none`},
		{&ForbiddenError{"a", "its licence is \"odd\""}, http.StatusForbidden, "model_forbidden", `the model "a" may not be used: its licence is "odd"`},
		{&MemoryError{Model: "a", NeededBytes: 7, AvailableBytes: 5}, http.StatusInsufficientStorage, "insufficient_memory", `the model "a" needs 7 bytes of memory, 5 are available`},
		{&MemoryError{"a", 7, 5, true}, http.StatusServiceUnavailable, "insufficient_memory", `the model "a" needs 7 bytes of memory, 5 are available, while other models are in use`},
		{&LoadError{"a", errors.New("open /var/secret: denied")}, http.StatusInternalServerError, "model_not_loadable", `the model "a" cannot be loaded, the log says why`},
		{&LengthError{"a text to classify", 9, 8}, http.StatusBadRequest, "context_length_exceeded", `a text to classify has 1 to 8 tokens, this one has 9`},
		{ErrBusy, http.StatusTooManyRequests, "queue_full", ErrBusy.Error()},
		{ErrStopping, http.StatusServiceUnavailable, "stopping", ErrStopping.Error()},
		{ErrTimeout, http.StatusGatewayTimeout, "timeout", ErrTimeout.Error()},
	} {
		f, ok := Describe(fmt.Errorf("request: %w", test.err))
		require.True(t, ok)
		require.Equal(t, test.status, f.Status)
		require.Equal(t, test.code, f.Code)
		require.Equal(t, test.message, f.Message)
	}
	_, ok := Describe(errors.New("anything else"))
	require.False(t, ok)
}
