package pull

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// version tells one state of a remote file from another.
type version struct {
	URL    string `json:"url"`
	ETag   string `json:"etag,omitempty"`   // a strong one
	Size   int64  `json:"size,omitempty"`   // bytes; 0 if unknown
	SHA256 string `json:"sha256,omitempty"` // hexadecimal; empty if unknown
}

// part is a file in the making. It is locked: one process works on it.
type part struct {
	file    *os.File
	path    string // where it will be
	version version
	nBytes  int64 // written so far
	sum     hash.Hash
}

// errBusy says that another process is making the same file.
var errBusy = errors.New("another download of this file is running")

// openPart opens or creates what will be the file at path, and reads what an
// earlier run has left of it.
func openPart(path string) (*part, error) {
	p := &part{path: path, sum: sha256.New()}
	flags := os.O_RDWR | os.O_CREATE | unix.O_NOFOLLOW | unix.O_NONBLOCK
	f, err := os.OpenFile(p.partPath(), flags, 0o640)
	if err != nil {
		return nil, err
	}
	p.file = f
	if err := p.takeOver(); err != nil {
		_ = f.Close()
		return nil, err
	}
	return p, nil
}

func (p *part) partPath() string {
	return filepath.Join(filepath.Dir(p.path), "."+filepath.Base(p.path)+".part")
}

func (p *part) notePath() string { return p.partPath() + ".json" }

// takeOver locks the file and hashes what is in it.
func (p *part) takeOver() error {
	info, err := p.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no regular file", p.partPath())
	}
	if err := unix.Flock(int(p.file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			return errBusy
		}
		return fmt.Errorf("lock %s: %w", p.partPath(), err)
	}
	note, err := os.ReadFile(p.notePath())
	if errors.Is(err, fs.ErrNotExist) || err == nil && json.Unmarshal(note, &p.version) != nil {
		return p.restart(version{}) // nobody knows what it is the beginning of
	}
	if err != nil {
		return err
	}
	p.nBytes, err = io.Copy(p.sum, p.file)
	return err
}

// restart empties the file: it becomes the beginning of v.
func (p *part) restart(v version) error {
	p.version, p.nBytes = v, 0
	p.sum.Reset()
	if err := p.file.Truncate(0); err != nil {
		return err
	}
	_, err := p.file.Seek(0, io.SeekStart)
	return err
}

// note writes down which version the file is the beginning of.
func (p *part) note() error {
	text, err := json.Marshal(p.version)
	if err != nil {
		return err
	}
	tmp := p.notePath() + ".tmp"
	if err := os.WriteFile(tmp, text, 0o640); err != nil {
		return err
	}
	return os.Rename(tmp, p.notePath())
}

// Write implements io.Writer: it appends.
func (p *part) Write(b []byte) (int, error) {
	n, err := p.file.Write(b)
	p.sum.Write(b[:n])
	p.nBytes += int64(n)
	return n, err
}

// digest is the SHA-256 of what is written, in hexadecimal.
func (p *part) digest() string { return hex.EncodeToString(p.sum.Sum(nil)) }

// commit gives the complete file its name. Then it is on the disk under that
// name, whatever happens to the machine.
func (p *part) commit() error {
	if err := p.file.Sync(); err != nil {
		return err
	}
	if err := os.Rename(p.partPath(), p.path); err != nil {
		return err
	}
	_ = os.Remove(p.notePath()) // without its file it says nothing
	dir, err := os.Open(filepath.Dir(p.path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// discard removes the file; the next run begins anew.
func (p *part) discard() {
	_ = os.Remove(p.notePath())
	_ = os.Remove(p.partPath())
}

func (p *part) close() { _ = p.file.Close() }
