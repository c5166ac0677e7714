package demo

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// Name is the model's name, in requests too.
const Name = "demo"

// A string, because a string stays in the program's file until it is read.
//
//go:embed demo.gguf
var file string

// Write puts the model's file into dir, under its name, and returns its path.
func Write(dir string) (path string, err error) {
	path = filepath.Join(dir, Name+".gguf")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		return "", fmt.Errorf("demo: writing the model: %w", err)
	}
	return path, nil
}

// Open returns the model as a file that is on no disk and that nobody can change
// (memfd_create(2)). It is the same one each time, and shares its offset.
func Open() (*os.File, error) {
	f, err := inMemory()
	if err != nil {
		return nil, err
	}
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("demo: duplicate a descriptor: %w", err)
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// inMemory makes the file for Open, once.
var inMemory = sync.OnceValues(func() (*os.File, error) {
	fd, err := unix.MemfdCreate(Name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return nil, fmt.Errorf("demo: memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), Name+".gguf")
	_, err = f.WriteString(file)
	if err == nil {
		_, err = unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_WRITE|unix.F_SEAL_SHRINK|unix.F_SEAL_GROW|unix.F_SEAL_SEAL)
	}
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("demo: writing the model: %w", err)
	}
	return f, nil
})
