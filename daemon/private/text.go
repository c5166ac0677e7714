package private

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

// Text is what somebody said. It cannot be printed by accident: fmt, slog and
// encoding/json tell its length alone, also where it is an unexported field of
// what they print, which they read without asking for its methods. The zero Text
// is empty.
type Text struct {
	said *string // behind a pointer, which is all that reflection prints
}

// NewText returns a text that does not print itself.
func NewText(s string) Text { return Text{&s} }

// Reveal returns the text, for those who answer the one who said it.
func (t Text) Reveal() string {
	if t.said == nil {
		return ""
	}
	return *t.said
}

// String implements fmt.Stringer.
func (t Text) String() string { return fmt.Sprintf("[%d bytes]", len(t.Reveal())) }

// Format implements fmt.Formatter: no verb prints the text.
func (t Text) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, t.String()) }

// LogValue implements slog.LogValuer.
func (t Text) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalJSON implements json.Marshaler.
func (t Text) MarshalJSON() ([]byte, error) { return json.Marshal(t.String()) }

// MarshalText implements encoding.TextMarshaler, for keys of JSON objects.
func (t Text) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
