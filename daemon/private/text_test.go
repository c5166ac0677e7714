package private

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTextDoesNotPrintItself tries every way that prints a string, the text
// alone and inside other values.
func TestTextDoesNotPrintItself(t *testing.T) {
	const said = "zebrafinch"
	text := NewText(said)
	inside := struct {
		Public Text
		Map    map[Text]Text
		List   []Text
		any    any
	}{text, map[Text]Text{text: text}, []Text{text}, text}

	var printed bytes.Buffer
	for _, value := range []any{text, &text, inside, &inside, fmt.Errorf("because of %v: %w", text, fmt.Errorf("%q", text))} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "% x", "%10.3s", "%w"} {
			fmt.Fprintf(&printed, verb, value)
		}
		fmt.Fprintln(&printed, value)
		raw, err := json.Marshal(value)
		require.NoError(t, err)
		printed.Write(raw)
		for _, h := range []slog.Handler{slog.NewTextHandler(&printed, nil), slog.NewJSONHandler(&printed, nil)} {
			slog.New(h).Info("said", "value", value, slog.Group("in", "value", value))
		}
	}
	require.Contains(t, printed.String(), "[10 bytes]")
	for _, spelling := range []string{said, fmt.Sprintf("%x", said), fmt.Sprintf("%X", said), fmt.Sprintf("% x", said), said[:3]} {
		require.NotContains(t, printed.String(), spelling)
	}
	require.Equal(t, said, text.Reveal(), "those who need it have it")
}
