package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
)

// stream writes server-sent events. Events reach the client at flush, or
// earlier.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
	buf     bytes.Buffer
}

// maxEventText bounds the text in one event: some clients read lines of
// 64 KiB at most, and a byte of text may take six in JSON.
const maxEventText = 8 << 10

// newStream begins an answer of events.
func newStream(w http.ResponseWriter) *stream {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	w.WriteHeader(http.StatusOK)
	return &stream{w: w, control: http.NewResponseController(w)}
}

// send writes v as one event.
func (s *stream) send(v any) error {
	s.buf.WriteString("data: ")
	encode(&s.buf, v)
	s.buf.WriteByte('\n')
	return s.write()
}

// ping writes a comment, which clients skip: the answer is still being made.
func (s *stream) ping() error {
	s.buf.WriteString(": ping\n\n")
	if err := s.write(); err != nil {
		return err
	}
	return s.flush()
}

// done writes the event that ends a complete stream.
func (s *stream) done() error {
	s.buf.WriteString("data: [DONE]\n\n")
	return s.write()
}

func (s *stream) write() error {
	_, err := s.w.Write(s.buf.Bytes())
	clear(s.buf.Bytes())
	s.buf.Reset()
	return lost(err)
}

func (s *stream) flush() error { return lost(s.control.Flush()) }

// errLost is what writing a stream fails with: the client has left, or reads
// nothing.
var errLost = errors.New("the client is lost")

func lost(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", errLost, err)
}

// usageIn is the usage member of a chunk: absent unless the client asked for
// it, null in all chunks but the last.
type usageIn struct {
	asked bool
	usage *usage
}

// IsZero implements the interface behind omitzero.
func (u usageIn) IsZero() bool { return !u.asked }

// MarshalJSON implements json.Marshaler.
func (u usageIn) MarshalJSON() ([]byte, error) { return json.Marshal(u.usage) }

// usage counts the tokens of a request.
type usage struct {
	PromptTokens     int          `json:"prompt_tokens"`
	CompletionTokens int          `json:"completion_tokens"`
	TotalTokens      int          `json:"total_tokens"`
	PromptDetails    promptDetail `json:"prompt_tokens_details"`
}

type promptDetail struct {
	CachedTokens int `json:"cached_tokens"`
}
