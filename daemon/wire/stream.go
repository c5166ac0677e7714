package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"unicode/utf8"
)

// Stream writes an answer piece by piece. Pieces reach the client at Flush, or
// earlier.
type Stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buf     bytes.Buffer
	lines   bool
}

// NewEvents begins an answer of server-sent events.
func NewEvents(w http.ResponseWriter) *Stream { return newStream(w, "text/event-stream", false) }

// NewLines begins an answer of lines of JSON.
func NewLines(w http.ResponseWriter) *Stream { return newStream(w, "application/x-ndjson", true) }

func newStream(w http.ResponseWriter, contentType string, lines bool) *Stream {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	return &Stream{w: w, control: http.NewResponseController(w), lines: lines}
}

// Send writes v as one event, or line.
func (s *Stream) Send(v any) error { return s.SendAs("", v) }

// SendAs writes v as an event of a name, which lines do not have.
func (s *Stream) SendAs(name string, v any) error {
	switch {
	case s.lines:
		encode(&s.buf, v)
		return s.write()
	case name != "":
		fmt.Fprintf(&s.buf, "event: %s\n", name)
	}
	s.buf.WriteString("data: ")
	encode(&s.buf, v)
	s.buf.WriteByte('\n')
	return s.write()
}

// Comment sends a text which clients skip, at once: the answer is still being
// made. A stream of lines has no comments.
func (s *Stream) Comment(text string) error {
	if s.lines {
		return nil
	}
	fmt.Fprintf(&s.buf, ": %s\n\n", text)
	if err := s.write(); err != nil {
		return err
	}
	return s.Flush()
}

// Ping is a comment for answers that take long.
func (s *Stream) Ping() error { return s.Comment("ping") }

// Done writes the event that ends a complete stream of OpenAI's.
func (s *Stream) Done() error {
	s.buf.WriteString("data: [DONE]\n\n")
	return s.write()
}

func (s *Stream) write() error {
	_, err := s.w.Write(s.buf.Bytes())
	clear(s.buf.Bytes())
	s.buf.Reset()
	return lost(err)
}

// Flush sends what was written.
func (s *Stream) Flush() error { return lost(s.control.Flush()) }

// errLost is what writing a stream fails with: the client has left, or reads
// nothing.
var errLost = errors.New("the client is lost")

func lost(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errLost, err)
}

// Gone reports whether an error only says that the client has left.
func Gone(ctx context.Context, err error) bool {
	return errors.Is(err, errLost) || ctx.Err() != nil && errors.Is(err, ctx.Err())
}

// maxPiece bounds the text in one event: some clients read lines of 64 KiB at
// most, and a byte of text may take six in JSON.
const maxPiece = 8 << 10

// Pieces cuts a text so that each piece fits into an event.
func Pieces(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for text != "" {
			n := min(maxPiece, len(text))
			for n < len(text) && !utf8.RuneStart(text[n]) {
				n--
			}
			if !yield(text[:n]) {
				return
			}
			text = text[n:]
		}
	}
}
