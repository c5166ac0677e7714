package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/blake2b"
)

// sumsName is the file of sums in a folder, as sha256sum(1) writes it.
const sumsName = "SHA256SUMS"

// signatureSuffix is put behind the name of what a signature is of.
const signatureSuffix = ".minisig"

// digests are what a pass over a file computes.
type digests struct {
	sha256  string // in hexadecimal
	blake2b []byte
}

// digestOf reads a whole file without moving its offset, until ctx ends.
func digestOf(ctx context.Context, f *os.File) (digests, error) {
	info, err := f.Stat()
	if err != nil {
		return digests{}, err
	}
	sum := sha256.New()
	long, err := blake2b.New512(nil)
	if err != nil {
		return digests{}, err
	}
	n, err := io.Copy(io.MultiWriter(sum, long), Reader(ctx, f, info.Size()))
	if err == nil && n != info.Size() {
		err = fmt.Errorf("%s: %w", f.Name(), ErrChanged)
	}
	return digests{hex.EncodeToString(sum.Sum(nil)), long.Sum(nil)}, err
}

// Reader reads the first nBytes of a file without moving its offset. When ctx
// ends, it fails with the error of ctx: files are large, and whoever waits may
// not want to any more.
func Reader(ctx context.Context, f *os.File, nBytes int64) io.Reader {
	return &reader{ctx, io.NewSectionReader(f, 0, nBytes)}
}

type reader struct {
	ctx  context.Context
	from io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.from.Read(p)
}

// parseSums reads lines of a sum, a space, a space or an asterisk, and a name.
// Names with a folder in them are not for us.
func parseSums(text []byte) (map[string]string, error) {
	sums := map[string]string{}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		line = strings.TrimRight(line, "\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		sum, name, ok := strings.Cut(line, " ")
		raw, err := hex.DecodeString(sum)
		if !ok || err != nil || len(raw) != sha256.Size || len(name) < 2 || name[0] != ' ' && name[0] != '*' {
			return nil, fmt.Errorf("line %d: want a SHA-256 in hexadecimal, two spaces and a name", n)
		}
		name = strings.TrimPrefix(name[1:], "./")
		if old, twice := sums[name]; twice && old != strings.ToLower(sum) {
			return nil, fmt.Errorf("line %d: %q has two sums", n, name)
		}
		sums[name] = strings.ToLower(sum)
	}
	return sums, nil
}

// Requirement is what a file must bring along to be used.
type Requirement uint8

// The requirements.
const (
	RequireNothing   Requirement = iota
	RequireSum                   // a line in SHA256SUMS
	RequireSignature             // its own signature, or a line in a signed SHA256SUMS
)

// ParseRequirement reads "nothing", "sum" or "signature".
func ParseRequirement(s string) (Requirement, error) {
	for i, name := range []string{"nothing", "sum", "signature"} {
		if s == name {
			return Requirement(i), nil
		}
	}
	return 0, fmt.Errorf("want nothing, sum or signature, found %q", s)
}

// authority decides whether files are what somebody has vouched for.
type authority struct {
	folder  string
	open    func(string) (*os.File, error)
	keys    []PublicKey
	require Requirement
}

// vouch checks a file against SHA256SUMS and its signature, as far as there are
// any, and fails where less than required is there. It reads the file only if it
// must, and returns its SHA-256 then.
func (a *authority) vouch(ctx context.Context, f *os.File) (sum string, err error) {
	name := filepath.Base(f.Name())
	sums, sumsSigned, err := a.readSums()
	if err != nil {
		return "", err
	}
	sig, err := a.readSignature(name)
	if err != nil {
		return "", err
	}
	want, listed := sums[name]
	switch {
	case a.require == RequireSum && !listed:
		return "", fmt.Errorf("%s: is not in %s, which is required", f.Name(), sumsName)
	case a.require == RequireSignature && sig == nil && !(listed && sumsSigned):
		return "", fmt.Errorf("%s: has no signature, which is required", f.Name())
	case !listed && sig == nil:
		return "", nil
	}
	d, err := digestOf(ctx, f)
	if err != nil {
		return "", err
	}
	if listed && d.sha256 != want {
		return "", fmt.Errorf("%s: has the SHA-256 %s, %s says %s", f.Name(), d.sha256, sumsName, want)
	}
	if sig != nil {
		if !sig.prehashed {
			return "", fmt.Errorf("%s: has a signature of the old kind, sign it with a minisign that hashes first", f.Name())
		}
		if err := sig.verify(a.keys, d.blake2b); err != nil {
			return "", fmt.Errorf("%s: %w", f.Name(), err)
		}
	}
	return d.sha256, nil
}

// readSums reads SHA256SUMS if it is there, and says whether it is signed.
// A signature that does not hold is an error, not its absence.
func (a *authority) readSums() (sums map[string]string, signed bool, err error) {
	path := filepath.Join(a.folder, sumsName)
	text, err := readSmall(path, a.open)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	if sums, err = parseSums(text); err != nil {
		return nil, false, fmt.Errorf("%s: %w", path, err)
	}
	sig, err := a.readSignature(sumsName)
	if err != nil || sig == nil {
		return sums, false, err
	}
	message := text
	if sig.prehashed {
		d := blake2b.Sum512(text)
		message = d[:]
	}
	if err := sig.verify(a.keys, message); err != nil {
		return nil, false, fmt.Errorf("%s: %w", path, err)
	}
	return sums, true, nil
}

// readSignature reads the signature of a file in the folder; nil if there is
// none. Without keys a signature says nothing and is not looked at.
func (a *authority) readSignature(name string) (*signature, error) {
	if len(a.keys) == 0 {
		return nil, nil
	}
	path := filepath.Join(a.folder, name+signatureSuffix)
	text, err := readSmall(path, a.open)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	sig, err := parseSignature(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &sig, nil
}
