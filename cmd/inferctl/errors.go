package main

import (
	"errors"
	"fmt"

	"inferd/gguf"
	"inferd/runtime"
)

// usageError is a command line that makes no sense; the process exits with 2.
type usageError struct {
	command string // whose help tells more; empty for inferctl itself
	message string
}

func (e *usageError) Error() string { return e.message }

// usagef returns a usageError of the named subcommand.
func usagef(command, format string, a ...any) error {
	return &usageError{command, fmt.Sprintf(format, a...)}
}

// hintedError carries the cure of an error along with it.
type hintedError struct {
	error
	hint string
}

func (e *hintedError) Unwrap() error { return e.error }

// withHint attaches a cure to err; a nil err stays nil.
func withHint(err error, format string, a ...any) error {
	if err == nil {
		return nil
	}
	return &hintedError{err, fmt.Sprintf(format, a...)}
}

// hintFor returns the cure of err where one is known, else "".
func hintFor(err error) string {
	if h, ok := errors.AsType[*hintedError](err); ok {
		return h.hint
	}
	if u, ok := errors.AsType[*usageError](err); ok {
		if u.command == "" {
			return "'inferctl --help' lists the commands"
		}
		return fmt.Sprintf("'inferctl %s --help' lists its flags", u.command)
	}
	return ""
}

// fileError adds what to do about a model file that cannot be used.
func fileError(err error) error {
	if _, ok := errors.AsType[*gguf.ParseError](err); ok {
		return withHint(err, "the file is damaged, incomplete or no GGUF file; compare its size and checksum with the source's")
	}
	if m, ok := errors.AsType[*runtime.ModelError](err); ok {
		return withHint(err, "'inferctl inspect %s' shows what the file holds", m.Path)
	}
	return err
}
