package audit

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/runtime"
)

func TestRecordsAreProven(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, WriteKey(path))
	require.ErrorIs(t, WriteKey(path), os.ErrExist, "no key is replaced")
	k, err := ReadKey(path)
	require.NoError(t, err)

	tokens := []runtime.Token{5, 7, 1 << 20}
	r := Record{ID: "req_1", User: "1000", Model: "demo"}
	k.Prompt(&r, tokens)
	h := k.Answer(&r)
	for _, piece := range []string{"so ", "it ", "is"} {
		_, _ = h.Write([]byte(piece))
	}
	r.SetAnswer(h)
	require.True(t, k.ProvePrompt(r, tokens))
	require.True(t, k.ProveAnswer(r, []byte("so it is")))
	require.False(t, k.ProvePrompt(r, tokens[:2]))
	require.False(t, k.ProveAnswer(r, []byte("so it was")))
	require.False(t, k.ProvePrompt(Record{}, nil), "no hash proves nothing")

	for _, change := range []func(*Record){
		func(r *Record) { r.ID = "req_2" },
		func(r *Record) { r.User = "1001" },
		func(r *Record) { r.Model = "other" },
		func(r *Record) { r.ID, r.User = r.ID+"1", "000" },
		func(r *Record) { r.PromptMAC, r.AnswerMAC = r.AnswerMAC, r.PromptMAC },
	} {
		changed := r
		change(&changed)
		require.False(t, k.ProvePrompt(changed, tokens), "%+v", changed)
		require.False(t, k.ProveAnswer(changed, []byte("so it is")), "%+v", changed)
	}

	other := filepath.Join(t.TempDir(), "other")
	require.NoError(t, WriteKey(other))
	k2, err := ReadKey(other)
	require.NoError(t, err)
	require.False(t, k2.ProvePrompt(r, tokens))
}

func TestBadKeys(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"empty": {"", 0o600, "want 64 hexadecimal digits"},
		"short": {"00ff\n", 0o600, "want 64 hexadecimal digits"},
		"words": {"correct horse battery staple, correct horse battery staple, twice", 0o600, "want 64 hexadecimal digits"},
		"long":  {string(make([]byte, 1000)), 0o600, "1000 bytes"},
		"open":  {"", 0o644, "owner alone"},
		"group": {"", 0o640, "owner alone"},
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(test.text), 0o600))
		require.NoError(t, os.Chmod(path, test.mode))
		_, err := ReadKey(path)
		require.ErrorContains(t, err, test.want, name)
		require.ErrorContains(t, err, path)
	}
	_, err := ReadKey(dir)
	require.ErrorContains(t, err, "want a file")
	_, err = ReadKey(filepath.Join(dir, "nowhere"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// A credential's mode may show the group, never others, and only in the service's
// own directory.
func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.key")
	require.NoError(t, WriteKey(path))
	for _, test := range []struct {
		dir  string
		mode os.FileMode
		fits bool
	}{
		{dir, 0o400, true},
		{dir, 0o440, true},
		{dir + "/", 0o440, true},
		{dir, 0o460, false},
		{dir, 0o444, false},
		{filepath.Dir(dir), 0o440, false},
		{"", 0o440, false},
		{"", 0o400, true},
	} {
		t.Setenv("CREDENTIALS_DIRECTORY", test.dir)
		require.NoError(t, os.Chmod(path, test.mode))
		_, err := ReadKey(path)
		require.Equal(t, test.fits, err == nil, "%+v: %v", test, err)
	}
}
