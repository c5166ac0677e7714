// Package conf reads TOML files so that every mistake names its line.
package conf

import (
	"errors"
	"fmt"
	"sort"

	"github.com/BurntSushi/toml"
)

// Each hands every key of a table and its value, as package toml decodes it, to
// set. It returns all mistakes, set's too.
func Each(text string, set func(key string, value any) error) error {
	var keys map[string]toml.Primitive
	meta, err := toml.Decode(text, &keys)
	if err != nil {
		return AtLine(err)
	}
	var errs []error
	for key, value := range keys {
		if err := meta.PrimitiveDecode(value, setter(func(v any) error { return set(key, v) })); err != nil {
			errs = append(errs, AtLine(err))
		}
	}
	sort.Slice(errs, func(i, j int) bool { return errs[i].Error() < errs[j].Error() })
	return errors.Join(errs...)
}

// setter takes a decoded value; the decoder adds the line to its errors.
type setter func(any) error

// UnmarshalTOML implements toml.Unmarshaler.
func (f setter) UnmarshalTOML(value any) error { return f(value) }

// AtLine puts an error of package toml into our words: line, key, reason.
func AtLine(err error) error {
	e, ok := errors.AsType[toml.ParseError](err)
	switch {
	case !ok:
		return err
	case e.LastKey == "":
		return fmt.Errorf("line %d: %s", e.Position.Line, e.Message)
	default:
		return fmt.Errorf("line %d: %s: %s", e.Position.Line, e.LastKey, e.Message)
	}
}
