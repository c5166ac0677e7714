package gguf

import (
	"errors"
	"fmt"
)

var (
	// ErrNoKey reports a metadata key that the file does not have.
	ErrNoKey = errors.New("no such key")

	// ErrUnknownType reports the use of a tensor whose type is unknown to
	// this package or was removed from the format.
	ErrUnknownType = errors.New("unknown tensor type")
)

// ParseError reports a file whose content cannot be used.
type ParseError struct {
	Path   string // the file, one part of a split set
	Field  string // what was being read, such as `tensor "output.weight" type`
	Offset int64  // where in the file the field begins, in bytes
	Err    error  // expected and found
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("gguf: %s: %s (at byte %d): %v", e.Path, e.Field, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *ParseError) Unwrap() error { return e.Err }

// quote quotes a key or name for a message. A hostile one may fill the file.
func quote(name string) string {
	const most = 80
	if len(name) > most {
		return fmt.Sprintf("%q…", name[:most])
	}
	return fmt.Sprintf("%q", name)
}
