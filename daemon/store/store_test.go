package store

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/crypto/blake2b"
	"golang.org/x/sys/unix"

	"inferd/testdata"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newStore returns a store of a new folder that has been looked at, and the
// folder.
func newStore(t *testing.T, o Options) (*Store, string) {
	o.Folder = t.TempDir()
	return New(o, nil, slog.New(slog.DiscardHandler)), o.Folder
}

// put copies a model of testdata into a folder, settled.
func put(t *testing.T, folder, name, model string) string {
	text, err := os.ReadFile(testdata.Path("models", model+".gguf"))
	require.NoError(t, err)
	path := filepath.Join(folder, name)
	require.NoError(t, os.WriteFile(path, text, 0o640))
	return path
}

// scan looks until nothing has changed a moment ago.
func scan(t *testing.T, s *Store) {
	require.Eventually(t, func() bool { return s.Scan(t.Context()) == 0 }, 10*time.Second, settleTime/4)
}

// require the problem of a name.
func problem(t *testing.T, s *Store, name, want string) {
	t.Helper()
	e, ok := s.Find(name)
	require.True(t, ok, "%s is not known", name)
	require.ErrorContains(t, e.Problem, want)
}

// Nobody waits at shutdown for a large file to be summed up.
func TestLookingEndsWithItsContext(t *testing.T) {
	s, dir := newStore(t, Options{})
	text, err := os.ReadFile(put(t, dir, "m.gguf", "llama-tied"))
	require.NoError(t, err)
	sums := fmt.Sprintf("%x  m.gguf\n", sha256.Sum256(text))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(sums), 0o640))
	ended, end := context.WithCancel(t.Context())
	end()
	require.Eventually(t, func() bool { return s.Scan(ended) == 0 }, 10*time.Second, settleTime/4)
	_, known := s.Find("m")
	require.False(t, known)
	scan(t, s)
	_, known = s.Find("m")
	require.True(t, known)
}

// What the system cannot read for the moment is no fault of the file's: it is
// read again, though it has not changed.
func TestReadErrorsPass(t *testing.T) {
	path := put(t, t.TempDir(), "m.gguf", "llama-tied")
	for _, broken := range []error{unix.EMFILE, unix.EIO, unix.ENOMEM} {
		err := error(&os.PathError{Op: "open", Path: path, Err: broken})
		s := New(Options{Named: []Named{{Path: path, Open: func(path string) (*os.File, error) {
			if err != nil {
				return nil, err
			}
			return os.Open(path)
		}}}}, nil, slog.New(slog.DiscardHandler))
		require.Equal(t, retryTime, s.Scan(t.Context()))
		problem(t, s, "m", broken.Error())
		err = nil
		require.Zero(t, s.Scan(t.Context()))
		e, _ := s.Find("m")
		require.NoError(t, e.Problem)
	}
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	s, dir := newStore(t, Options{})
	path := func(name string) string { return filepath.Join(dir, name+".gguf") }
	good := put(t, dir, "good.gguf", "llama-tied")
	text, err := os.ReadFile(good)
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(path("half"), text[:len(text)/2], 0o640))
	require.NoError(t, os.WriteFile(path("empty"), nil, 0o640))
	require.NoError(t, os.WriteFile(path("text"), []byte("no model at all"), 0o640))
	require.NoError(t, os.Symlink(good, path("link")))
	require.NoError(t, unix.Mkfifo(path("fifo"), 0o640))
	require.NoError(t, os.Mkdir(path("folder"), 0o755))
	put(t, dir, "open.gguf", "llama-tied")
	require.NoError(t, os.Chmod(path("open"), 0o666))
	put(t, dir, "a b.gguf", "llama-tied")
	put(t, dir, ".hidden.gguf", "llama-tied")
	put(t, dir, "twice.gguf", "llama-tied")
	put(t, dir, "twice-00001-of-00002.gguf", "llama-tied")
	put(t, dir, "set.gguf", "llama-tied")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "set.toml"), []byte("pin = true\ncolour = \"red\"\n"), 0o640))
	if os.Geteuid() == 0 {
		require.NoError(t, unix.Mknod(path("device"), unix.S_IFCHR|0o640, int(unix.Mkdev(1, 5)))) // /dev/zero
	}
	scan(t, s)

	e, ok := s.Find("good")
	require.True(t, ok)
	require.NoError(t, e.Problem)
	require.Equal(t, "llama", e.Model.Info.Architecture)
	problem(t, s, "half", "cut off")
	problem(t, s, "empty", "is empty")
	problem(t, s, "text", "magic")
	problem(t, s, "link", "is a symbolic link")
	problem(t, s, "fifo", "is a FIFO")
	problem(t, s, "folder", "is a folder")
	problem(t, s, "open", "everybody may write to it")
	problem(t, s, "a b", "a model's name has letters")
	problem(t, s, "twice", "two models of this name")
	problem(t, s, "set", "line 2: colour: unknown key")
	if os.Geteuid() == 0 {
		problem(t, s, "device", "is a device")
	}
	_, ok = s.Find(".hidden")
	require.False(t, ok, "files in the making have hidden names")
}

func TestFolderThatEverybodyMayWriteTo(t *testing.T) {
	s, dir := newStore(t, Options{})
	put(t, dir, "m.gguf", "llama-tied")
	require.NoError(t, os.Chmod(dir, 0o777))
	scan(t, s)
	require.Empty(t, s.Entries())
	require.NoError(t, os.Chmod(dir, 0o755))
	scan(t, s)
	require.Len(t, s.Entries(), 1)
}

// A version that was verified stays when its successor is broken, and only its
// own bytes can be opened.
func TestReplacing(t *testing.T) {
	s, dir := newStore(t, Options{})
	var changes []string
	s.changed = func(name string) { changes = append(changes, name) }
	path := put(t, dir, "m.gguf", "llama-tied")
	scan(t, s)
	first, _ := s.Find("m")
	f, err := first.Model.Open()
	require.NoError(t, err)
	require.NoError(t, first.Model.Check(f))
	defer f.Close()

	require.NoError(t, os.Truncate(path, 1000))
	require.ErrorIs(t, first.Model.Check(f), ErrChanged, "what is read now is not what was verified")
	_, err = first.Model.Open()
	require.Error(t, err)
	scan(t, s)
	broken, _ := s.Find("m")
	require.ErrorContains(t, broken.Problem, "cut off")
	require.Same(t, first.Model, broken.Model)

	next := put(t, dir, ".m.part", "llama-Q4_K")
	require.NoError(t, os.Rename(next, path))
	scan(t, s)
	second, _ := s.Find("m")
	require.NoError(t, second.Problem)
	require.NotSame(t, first.Model, second.Model)
	_, err = first.Model.Open()
	require.ErrorIs(t, err, ErrChanged)

	s.SetOptions(Options{Folder: dir, Licenses: Licenses{Allow: []string{""}}})
	scan(t, s)
	third, _ := s.Find("m")
	require.Same(t, second.Model, third.Model, "a version that is the same is no new one")

	require.NoError(t, os.Remove(path))
	scan(t, s)
	_, ok := s.Find("m")
	require.False(t, ok)
	require.Equal(t, []string{"m", "m", "m", "m", "m"}, changes)
}

func TestLicences(t *testing.T) {
	s, dir := newStore(t, Options{Licenses: Licenses{Deny: []string{""}}})
	put(t, dir, "m.gguf", "llama-tied")
	scan(t, s)
	problem(t, s, "m", "it names no licence")
	e, _ := s.Find("m")
	var license *LicenseError
	require.ErrorAs(t, e.Problem, &license)
}

// signer makes minisign's files.
type signer struct {
	id  [8]byte
	key ed25519.PrivateKey
}

func newSigner(t *testing.T, id byte) *signer {
	_, key, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	return &signer{[8]byte{id}, key}
}

func (s *signer) public(t *testing.T) PublicKey {
	raw := append([]byte("Ed"), s.id[:]...)
	raw = append(raw, s.key.Public().(ed25519.PublicKey)...)
	k, err := ParsePublicKey("untrusted comment: a key\n" + base64.StdEncoding.EncodeToString(raw) + "\n")
	require.NoError(t, err)
	return k
}

func (s *signer) sign(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	sum := blake2b.Sum512(text)
	sig := ed25519.Sign(s.key, sum[:])
	raw := append([]byte("ED"), s.id[:]...)
	raw = append(raw, sig...)
	commented := ed25519.Sign(s.key, append(sig, "yesterday"...))
	out := fmt.Sprintf("untrusted comment: x\n%s\ntrusted comment: yesterday\n%s\n",
		base64.StdEncoding.EncodeToString(raw), base64.StdEncoding.EncodeToString(commented))
	require.NoError(t, os.WriteFile(path+signatureSuffix, []byte(out), 0o640))
}

func TestSumsAndSignatures(t *testing.T) {
	ours, theirs := newSigner(t, 1), newSigner(t, 2)
	s, dir := newStore(t, Options{Keys: []PublicKey{ours.public(t)}, Require: RequireSignature})
	for _, name := range []string{"signed", "unsigned", "stranger", "changed", "listed"} {
		path := put(t, dir, name+".gguf", "llama-tied")
		switch name {
		case "signed":
			ours.sign(t, path)
		case "stranger":
			theirs.sign(t, path)
		case "changed":
			ours.sign(t, path)
			put(t, dir, name+".gguf", "llama-Q4_K")
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, "listed.gguf"))
	require.NoError(t, err)
	sum := sha256.Sum256(text)
	sums := filepath.Join(dir, sumsName)
	require.NoError(t, os.WriteFile(sums, []byte(hex.EncodeToString(sum[:])+"  listed.gguf\n"), 0o640))
	scan(t, s)
	for name, want := range map[string]string{
		"unsigned": "has no signature",
		"stranger": "which is none of signing-key",
		"changed":  "does not match its signature",
		"listed":   "has no signature",
	} {
		problem(t, s, name, want)
	}
	e, _ := s.Find("signed")
	require.NoError(t, e.Problem)
	require.Equal(t, hex.EncodeToString(sum[:]), e.Model.Sum())

	ours.sign(t, sums)
	scan(t, s)
	e, _ = s.Find("listed")
	require.NoError(t, e.Problem, "a signed list vouches for what it lists")

	put(t, dir, "listed.gguf", "llama-Q4_K")
	scan(t, s)
	problem(t, s, "listed", "SHA256SUMS says")
}

// Run sees what happens in the folder without being asked.
func TestRunWatches(t *testing.T) {
	var mu sync.Mutex
	seen := 0
	o := Options{Folder: t.TempDir()}
	s := New(o, func(string) { mu.Lock(); seen++; mu.Unlock() }, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	running.Go(func() { s.Run(ctx) })
	put(t, o.Folder, "m.gguf", "llama-tied")
	known := func() bool { e, ok := s.Find("m"); return ok && e.Problem == nil }
	require.Eventually(t, known, 10*time.Second, time.Millisecond)
	require.NoError(t, os.Remove(filepath.Join(o.Folder, "m.gguf")))
	require.Eventually(t, func() bool { _, ok := s.Find("m"); return !ok }, 10*time.Second, time.Millisecond)
	mu.Lock()
	defer mu.Unlock()
	require.GreaterOrEqual(t, seen, 2)
}
