package gguf

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
)

// File is an open GGUF file or split set. Its methods may be called
// concurrently, except Close.
type File struct {
	openFile func(path string) (*os.File, error)
	parts    []part
	order    []tensorRef // sorted by name
	closed   bool
}

// part is one file of the set.
type part struct {
	path      string
	file      *os.File
	mapped    []byte // the whole file, read-only; nil once closed
	sizeBytes int64
	version   uint32
	keys      []KeyValue
	keyOrder  []int32 // sorted by key
	tensors   []TensorInfo
}

// Open opens the file at path and checks everything but the tensors' bytes. If
// the file is the first of a split set (name-00001-of-00003.gguf), the others
// are opened too; any other part is refused. An error about the content of a
// file is a *ParseError.
func Open(path string) (*File, error) { return OpenWith(path, openFile) }

// OpenWith is Open for a caller that opens files its own way, by the paths of
// the set: within a folder, or not following links. The files are then the
// File's to close.
func OpenWith(path string, open func(path string) (*os.File, error)) (*File, error) {
	f := &File{parts: make([]part, 1), openFile: open}
	if err := f.open(path); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// OpenPart opens the one file at path, whatever split set it belongs to and
// whatever it is called: a file can be checked before it has its name. It fails
// as Open does.
func OpenPart(path string) (*File, error) {
	f := &File{parts: make([]part, 1)}
	err := f.parts[0].open(path, openFile)
	if err == nil {
		err = f.indexTensors()
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

func (f *File) open(path string) error {
	if err := f.parts[0].open(path, f.openFile); err != nil {
		return err
	}
	if err := f.openRest(); err != nil {
		return err
	}
	return f.indexTensors()
}

// Close unmaps and closes all parts. Views from TensorBytes must not be used
// afterwards. A second call does nothing.
func (f *File) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	var errs []error
	for i := range f.parts {
		errs = append(errs, f.parts[i].close())
	}
	return errors.Join(errs...)
}

// Path returns the path of the first part.
func (f *File) Path() string { return f.first().path }

// Paths returns the paths of all parts in order.
func (f *File) Paths() []string {
	out := make([]string, len(f.parts))
	for i := range f.parts {
		out[i] = f.parts[i].path
	}
	return out
}

// Size returns the size of all parts in bytes.
func (f *File) Size() int64 {
	var n int64
	for i := range f.parts {
		n += f.parts[i].sizeBytes
	}
	return n
}

// Files returns the open files of all parts in order, for a look at their state
// or their bytes by ReadAt. They stay f's to close.
func (f *File) Files() []*os.File {
	out := make([]*os.File, len(f.parts))
	for i := range f.parts {
		out[i] = f.parts[i].file
	}
	return out
}

// Version returns the format version of the first part: 2 or 3.
func (f *File) Version() int { return int(f.first().version) }

func (f *File) first() *part { return &f.parts[0] }

// openFile opens a file without blocking, or opening a FIFO would wait for its
// writer.
func openFile(path string) (*os.File, error) { return os.OpenFile(path, os.O_RDONLY|openNonblock, 0) }

// open opens, maps and parses one file.
func (p *part) open(path string, open func(path string) (*os.File, error)) error {
	p.path = path
	file, err := open(path)
	if err != nil {
		return fmt.Errorf("gguf: %w", err)
	}
	p.file = file
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("gguf: %w", err)
	}
	switch size := info.Size(); {
	case !info.Mode().IsRegular():
		return p.fail("file", 0, "is %s, not a regular file", kindOf(info.Mode()))
	case size == 0:
		return p.fail("file", 0, "is empty")
	case size > math.MaxInt:
		return p.fail("file", 0, "has %d bytes, more than this machine can address", size)
	default:
		p.sizeBytes = size
	}
	if p.mapped, err = mapFile(file, int(p.sizeBytes)); err != nil {
		return fmt.Errorf("gguf: %s: %w", path, err)
	}
	if err := guardFault(p.parse); errors.Is(err, errShrunk) {
		return p.fail("file", 0, "%w", err)
	} else if err != nil {
		return err
	}
	return nil
}

func (p *part) close() error {
	var errs []error
	if p.mapped != nil {
		errs = append(errs, unmapFile(p.mapped))
		p.mapped = nil
	}
	if p.file != nil {
		errs = append(errs, p.file.Close())
	}
	return errors.Join(errs...)
}

func (p *part) fail(field string, at int64, format string, args ...any) error {
	return &ParseError{p.path, field, at, fmt.Errorf(format, args...)}
}

// kindOf names what is at a path that is no regular file.
func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}
