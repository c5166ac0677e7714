package store

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"inferd/runtime"
)

// Options are what a store is told. The zero value knows nothing.
type Options struct {
	Folder   string  // "" for none
	Named    []Named // single files; they hide those of the same name in Folder
	Keys     []PublicKey
	Require  Requirement
	Licenses Licenses
	Plan     runtime.Options // for the memory that Info tells
}

// Named is a model file outside the folder, or a split set by its first part.
type Named struct {
	Path string

	// Open, if set, opens the files of a model that the program carries, by
	// Path or by names beside it. Others it must not know: fs.ErrNotExist.
	Open func(path string) (*os.File, error)
}

// Entry is what is known by one name.
type Entry struct {
	Name string

	// Model is what was verified last, nil if nothing ever was. With a Problem,
	// its files are there no more.
	Model *Model

	// Problem says why the files that are there now cannot be used.
	Problem error
}

// record is an entry and what it was made of.
type record struct {
	last    Entry
	stamp   map[string]identity
	options *Options
	beside  []string // files that the settings name
	aside   bool     // it is no model
}

// Store knows models on disk. It is safe for concurrent use.
type Store struct {
	log      *slog.Logger
	changed  func(name string)
	options  atomic.Pointer[Options]
	scanning sync.Mutex    // held while a folder is looked at
	poke     chan struct{} // holds one token while Run is to look

	mu      sync.Mutex // guards the fields that follow
	records map[string]*record
	folder  string // what was last said of the folder
}

// New returns a store that knows nothing yet. changed is called, from Scan, with
// the name of each entry that appeared, changed or went; it may be
// nil, and must not call Scan.
func New(o Options, changed func(name string), log *slog.Logger) *Store {
	s := &Store{log: log, changed: changed, records: map[string]*record{}, poke: make(chan struct{}, 1)}
	if changed == nil {
		s.changed = func(string) {}
	}
	s.options.Store(&o)
	return s
}

// SetOptions changes what the store is told; the next look verifies all again.
func (s *Store) SetOptions(o Options) {
	s.options.Store(&o)
	s.Poke()
}

// Poke has Run look at the folder soon.
func (s *Store) Poke() {
	select {
	case s.poke <- struct{}{}:
	default:
	}
}

// Find returns the entry of a name.
func (s *Store) Find(name string) (Entry, bool) {
	r := s.entry(name)
	if r == nil || r.aside {
		return Entry{}, false
	}
	return r.last, true
}

// Entries returns all entries, by name.
func (s *Store) Entries() []Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Entry
	for _, r := range s.records {
		if !r.aside {
			out = append(out, r.last)
		}
	}
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (s *Store) entry(name string) *record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.records[name]
}

// put notes what verifying found. A version that can be used stays with the
// entry when its successor cannot.
func (s *Store) put(r *record, err error) {
	name, m := r.last.Name, r.last.Model
	old := s.entry(name)
	r.aside = errors.Is(err, errNotModel)
	switch {
	case err == nil && old != nil && m.same(old.last.Model):
		r.last.Model = old.last.Model
	case r.aside:
		r.last.Model = nil
	case err != nil:
		r.last.Problem, r.last.Model = err, nil
		if old != nil {
			r.last.Model = old.last.Model
		}
		if old == nil || old.last.Problem == nil || old.last.Problem.Error() != err.Error() {
			s.log.Warn("model cannot be used", "model", name, "err", err)
		}
	default:
		s.log.Info("model found", "model", name, "architecture", m.Info.Architecture,
			"quantisation", m.Info.Quantisation, "licence", m.Info.License, "sha256", m.Sum())
	}
	s.mu.Lock()
	s.records[name] = r
	s.mu.Unlock()
	s.changed(name)
}

// forget drops the entries of the folder that have no files any more.
func (s *Store) forget(all map[string]*found) {
	s.mu.Lock()
	gone := slices.Collect(maps.Keys(s.records))
	gone = slices.DeleteFunc(gone, func(name string) bool { return all[name] != nil })
	for _, name := range gone {
		if !s.records[name].aside {
			s.log.Info("model gone", "model", name)
		}
		delete(s.records, name)
	}
	s.mu.Unlock()
	for _, name := range gone {
		s.changed(name)
	}
}

// reportFolder logs what is wrong with the folder when that changes.
func (s *Store) reportFolder(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case text == s.folder || err == nil:
	case errors.Is(err, os.ErrNotExist):
		s.log.Info("there is no model folder yet", "err", err)
	default:
		s.log.Warn("model folder cannot be read", "err", err)
	}
	s.folder = text
}

// lookInterval is how often the folder is looked at without a reason: on some
// file systems, changes by other machines make no events.
const lookInterval = 30 * time.Second

// Run looks at the files whenever the folder changes, until ctx ends.
func (s *Store) Run(ctx context.Context) {
	w := newWatcher(s.log)
	defer w.close()
	next := time.Now() // there may have been changes before the watch began
	for {
		w.watch(s.options.Load().Folder)
		timer := time.NewTimer(time.Until(next))
		select {
		case <-w.news:
			next = earlier(next, time.Now().Add(settleTime))
		case <-s.poke:
			next = time.Now()
		case <-timer.C:
			next = time.Now().Add(cmp.Or(s.Scan(ctx), lookInterval))
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
