// Package journal writes structured logs to the systemd journal, each attribute
// as a field of its own, so that journalctl can select by them:
//
//	journalctl -u inferd INFERD_MODEL=demo INFERD_OUTCOME=error
//	journalctl MESSAGE_ID=4bf8bf5a84724ababa1f5dab05c85a54   # answers
//
// It takes only what the daemon logs anyway, which never holds content.
package journal

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
)

// Available reports whether this process's standard error is connected to the
// journal and the journal takes fields.
func Available() bool {
	ok, err := journal.StderrIsJournalStream()
	return ok && err == nil && journal.Enabled()
}

// Handler is a slog.Handler that sends records to the journal.
type Handler struct {
	level  slog.Leveler
	fields map[string]string // of WithAttrs
	group  string            // prefix of WithGroup, with its underscore
	send   func(message string, priority journal.Priority, fields map[string]string) error
}

var _ slog.Handler = (*Handler)(nil)

// NewHandler returns a handler for records of at least the given level.
func NewHandler(level slog.Leveler) *Handler {
	return &Handler{level: level, send: journal.Send}
}

// messageIDs name the events that others look for (systemd.journal-fields(7),
// MESSAGE_ID), by the text of the record. They never change.
var messageIDs = map[string]string{
	"ready":                  "d1a0a005228248ca971297e23a913a10",
	"stopping":               "a8a8a4716e6c4ca0aba720bc45c2279d",
	"model loaded":           "69326f6d7a944d8fa48c661135426e83",
	"model unloaded":         "6a0d5f6c1d0f45649cec6d627a67704f",
	"model not loaded":       "6b853862480447f0a367e3ae7afedfb0",
	"answer":                 "4bf8bf5a84724ababa1f5dab05c85a54",
	"configuration reloaded": "18f17207d7d6474cb4e769c6bf7a2d4d",
	"configuration not reloaded, the old one stays": "cd2456088aaa4cbc8b6891628e1c5723",
}

// Enabled implements slog.Handler.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

// Handle implements slog.Handler. The message has the attributes behind it as
// well, for those who read the journal without fields.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	fields := make(map[string]string, len(h.fields)+r.NumAttrs()+1)
	for name, value := range h.fields {
		fields[name] = value
	}
	var text strings.Builder
	text.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		add(fields, &text, h.group, a)
		return true
	})
	if id, ok := messageIDs[r.Message]; ok {
		fields["MESSAGE_ID"] = id
	}
	return h.send(text.String(), priority(r.Level), fields)
}

// add puts one attribute into fields and text. Groups become prefixes.
func add(fields map[string]string, text *strings.Builder, prefix string, a slog.Attr) {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "_"
		}
		for _, inner := range value.Group() {
			add(fields, text, prefix, inner)
		}
		return
	}
	if a.Key == "" {
		return
	}
	written := valueText(value)
	fields[fieldName(prefix+a.Key)] = written
	if text != nil {
		fmt.Fprintf(text, " %s%s=%s", prefix, a.Key, written)
	}
}

// valueText writes durations in milliseconds, which can be compared, and the
// rest as slog does.
func valueText(v slog.Value) string {
	if v.Kind() == slog.KindDuration {
		return fmt.Sprintf("%.3fms", float64(v.Duration())/float64(time.Millisecond))
	}
	return v.String()
}

// fieldName makes a journal field of an attribute's name: capitals, digits and
// underscores. The prefix keeps it apart from the journal's own.
func fieldName(key string) string {
	return "INFERD_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		default:
			return '_'
		}
	}, key)
}

func priority(level slog.Level) journal.Priority {
	switch {
	case level >= slog.LevelError:
		return journal.PriErr
	case level >= slog.LevelWarn:
		return journal.PriWarning
	case level >= slog.LevelInfo:
		return journal.PriInfo
	default:
		return journal.PriDebug
	}
}

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.fields = make(map[string]string, len(h.fields)+len(attrs))
	for name, value := range h.fields {
		next.fields[name] = value
	}
	for _, a := range attrs {
		add(next.fields, nil, h.group, a)
	}
	return &next
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	next := *h
	if name != "" {
		next.group += name + "_"
	}
	return &next
}
