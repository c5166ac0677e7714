package store

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"inferd/gguf"
	"inferd/runtime"
)

// ErrChanged reports a file that is not the one that was verified, or that
// changed while it was read.
var ErrChanged = errors.New("the file has changed")

// Model is a verified version of a model's files. It is immutable.
type Model struct {
	Name         string
	Settings     Settings
	Info         runtime.Info // its memory is that of Plan
	ChatTemplate string       // the model's own, or that of the settings; empty if there is none
	Modified     time.Time    // of the first file
	Named        bool         // by the configuration, not found in the folder
	Plan         runtime.Options

	path string
	open func(string) (*os.File, error)
	ids  []identity          // of the parts
	aux  map[string]identity // of adapters and heads
	sum  atomic.Pointer[string]
}

// Open opens the model again. It fails with ErrChanged where the files are not
// those that were verified.
func (m *Model) Open() (*gguf.File, error) {
	return openSame(m.path, m.open, m.ids)
}

// OpenBeside opens an adapter or a head that the settings name, as Open does.
func (m *Model) OpenBeside(name string) (*gguf.File, error) {
	id, ok := m.aux[name]
	if !ok {
		return nil, fmt.Errorf("%s: is not one of the files of model %q", name, m.Name)
	}
	return openSame(filepath.Join(filepath.Dir(m.path), name), m.open, []identity{id})
}

// CheckBeside is Check of a file from OpenBeside.
func (m *Model) CheckBeside(name string, f *gguf.File) error {
	return checkSame(f, []identity{m.aux[name]})
}

// BesideBytes is the size of the adapters and heads.
func (m *Model) BesideBytes() (n int64) {
	for _, id := range m.aux {
		n += id.size
	}
	return n
}

// openSame opens a set whose parts have the given identities.
func openSame(path string, open func(string) (*os.File, error), ids []identity) (*gguf.File, error) {
	f, err := gguf.OpenWith(path, open)
	if err != nil {
		return nil, err
	}
	if err := checkSame(f, ids); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// Check fails with ErrChanged if f, from Open, has changed since: what was read
// of it may be of two versions.
func (m *Model) Check(f *gguf.File) error { return checkSame(f, m.ids) }

func checkSame(f *gguf.File, ids []identity) error {
	files := f.Files()
	for i, file := range files {
		id, err := identify(file)
		if err != nil {
			return err
		}
		if len(files) != len(ids) || id != ids[i] {
			return fmt.Errorf("%s: %w", file.Name(), ErrChanged)
		}
	}
	return nil
}

// same reports whether another verification found the same version: those who
// have it loaded keep it.
func (m *Model) same(other *Model) bool {
	return other != nil && slices.Equal(m.ids, other.ids) && maps.Equal(m.aux, other.aux) && m.path == other.path &&
		m.ChatTemplate == other.ChatTemplate && reflect.DeepEqual(m.Settings, other.Settings) && reflect.DeepEqual(m.Plan, other.Plan)
}

// Sum returns the SHA-256 of the model's file in hexadecimal, of a split set
// that of all parts one after another, if it is known yet.
func (m *Model) Sum() string {
	if s := m.sum.Load(); s != nil {
		return *s
	}
	return ""
}

// SetSum remembers the sum of a file whose Check succeeded after it was read.
func (m *Model) SetSum(sum string) { m.sum.Store(&sum) }
