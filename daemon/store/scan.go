package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// maxFiles bounds the files of a folder that are looked at.
const maxFiles = 10_000

var (
	partSuffix = regexp.MustCompile(`-\d{5}-of-\d{5}$`)
	goodName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:@+-]{0,127}$`)
)

// NameOf is the name that requests use for a model file: the file's, without its
// ending and part number.
func NameOf(path string) string {
	return partSuffix.ReplaceAllString(strings.TrimSuffix(filepath.Base(path), ".gguf"), "")
}

// found is what a look tells of one name.
type found struct {
	candidate
	stamp map[string]identity // of every file that decides about the model, by path
}

func newFound(name, path string) *found {
	return &found{candidate: candidate{name: name, path: path, open: openStrict, stat: unix.Lstat}, stamp: map[string]identity{}}
}

// watch adds files in the model's folder, and their signatures, to what decides
// about the model.
func (f *found) watch(files ...string) {
	for _, file := range files {
		for _, path := range []string{f.beside(file), f.beside(file + signatureSuffix)} {
			var st unix.Stat_t
			if f.stat(path, &st) == nil {
				f.stamp[path] = identityOf(&st)
			}
		}
	}
}

// settled reports whether no file has changed a moment ago.
func (f *found) settled(now time.Time) bool {
	for _, id := range f.stamp {
		if !id.settled(now) {
			return false
		}
	}
	return true
}

// list looks at a folder and groups its files by model.
func list(folder string) (map[string]*found, error) {
	if err := checkFolder(folder); err != nil {
		return nil, err
	}
	d, err := os.Open(folder)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(maxFiles + 1)
	switch {
	case errors.Is(err, io.EOF): // it is empty
	case err != nil:
		return nil, err
	case len(names) > maxFiles:
		return nil, fmt.Errorf("%s: has more than %d files", folder, maxFiles)
	}
	slices.Sort(names)
	all := map[string]*found{}
	for _, file := range names {
		if file[0] != '.' && strings.HasSuffix(file, ".gguf") {
			add(all, folder, file)
		}
	}
	return all, nil
}

// checkFolder refuses a folder that everybody may write to.
func checkFolder(folder string) error {
	info, err := os.Stat(folder)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s: is no folder", folder)
	case info.Mode().Perm()&0o002 != 0:
		return fmt.Errorf("%s: everybody may write to this folder (mode %04o)", folder, info.Mode().Perm())
	}
	return nil
}

// add puts a file into the group of its model.
func add(all map[string]*found, folder, file string) {
	name := NameOf(file)
	f := all[name]
	if f == nil {
		f = newFound(name, filepath.Join(folder, file))
		all[name] = f
	} else if whole := name + ".gguf"; file == whole || filepath.Base(f.path) == whole {
		f.extra = fmt.Errorf("%s: there are two models of this name, in %s and %s", name, filepath.Base(f.path), file)
	}
	if !goodName.MatchString(name) {
		f.extra = fmt.Errorf("%q: a model's name has letters, digits and ._:@+- and at most 128 of them", file)
	}
	f.watch(file)
}

// Scan looks at all files and verifies what is new or has changed. It returns
// after which time another look is needed, 0 if it is not: something changed a
// moment ago, or could not be read for a reason that may pass. When ctx ends, what
// has not been looked at stays as it was.
func (s *Store) Scan(ctx context.Context) (again time.Duration) {
	s.scanning.Lock()
	defer s.scanning.Unlock()
	o := s.options.Load()
	all := map[string]*found{}
	if o.Folder != "" {
		listed, err := list(o.Folder)
		s.reportFolder(err)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			if passing(err) {
				again = retryTime
			}
			return again // what was known stays known
		}
		maps.Copy(all, listed)
	}
	for _, n := range o.Named {
		f := newFound(NameOf(n.Path), n.Path)
		f.named, f.builtin, f.open, f.stat = true, n.Open != nil, openNamed, unix.Stat
		if f.builtin {
			f.open = n.Open
		}
		f.watch(filepath.Base(n.Path))
		if all[f.name] != nil && s.entry(f.name) == nil {
			s.log.Warn("a model in the folder is hidden by one that the configuration names", "model", f.name, "hidden", all[f.name].path)
		}
		all[f.name] = f
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		again = sooner(again, s.look(ctx, all[name], o))
	}
	if ctx.Err() == nil {
		s.forget(all)
	}
	return again
}

// sooner returns the shorter of two times of which 0 means never.
func sooner(a, b time.Duration) time.Duration {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// look verifies one model if anything of it has changed, and returns after which
// time it must be looked at again, as Scan does.
func (s *Store) look(ctx context.Context, f *found, o *Options) (again time.Duration) {
	f.watch(f.name+".toml", sumsName)
	old := s.entry(f.name)
	if old != nil {
		f.watch(old.beside...)
		if old.options == o && maps.Equal(old.stamp, f.stamp) {
			return 0
		}
	}
	if !f.named && !f.settled(time.Now()) {
		return settleTime
	}
	m, err := verify(ctx, f.candidate, o)
	if ctx.Err() != nil {
		return 0
	}
	if errors.Is(err, ErrChanged) {
		return settleTime
	}
	r := &record{last: Entry{Name: f.name, Model: m}, options: o, stamp: f.stamp}
	if m != nil {
		r.beside = m.Settings.files()
		f.watch(r.beside...)
	}
	if passing(err) {
		r.stamp, again = nil, retryTime // it says nothing of the files
	}
	s.put(r, err)
	return again
}
