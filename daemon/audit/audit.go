// Package audit lets a record of an answer, which tells nothing of what was said,
// be proven later by somebody who has the prompt, the answer and the key.
//
// A record is the daemon's log line of an answer, or of a vector. With a key it also
// has two keyed hashes (HMAC-SHA256), of prompt and answer, each bound to the record's
// id, user and model; a vector's has the first alone. Without the key they tell
// nothing, not even whether two prompts are the same or whether a guess is right:
// the id makes each hash another one.
package audit

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"strings"

	"inferd/runtime"
)

// keyBytes is the size of a key. Its file holds it in hexadecimal.
const keyBytes = 32

// Key makes the hashes of records, and proves them.
type Key struct{ secret [keyBytes]byte }

// ReadKey reads the file of a key, which must be its owner's alone, or a credential
// of this service, see isCredential.
func ReadKey(path string) (*Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	others := os.FileMode(0o077)
	if isCredential(path) {
		others = 0o037
	}
	if mode := info.Mode(); !mode.IsRegular() || mode.Perm()&others != 0 {
		return nil, fmt.Errorf("%s: want a file that its owner alone can use (mode 0600) or a credential of the service, found mode %v", path, mode)
	}
	if info.Size() > 2*keyBytes+1 {
		return nil, fmt.Errorf("%s: %d bytes, want %d hexadecimal digits", path, info.Size(), 2*keyBytes)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	k := new(Key)
	if n, err := hex.Decode(k.secret[:], []byte(strings.TrimSuffix(string(text), "\n"))); err != nil || n != keyBytes {
		return nil, fmt.Errorf("%s: want %d hexadecimal digits", path, 2*keyBytes)
	}
	return k, nil
}

// isCredential reports whether a file is one that systemd has put there for this
// service alone (systemd.exec(5), LoadCredential=). Its mode may show that the group
// can read: where an access control list names the service's user, those bits are
// the list's mask.
func isCredential(path string) bool {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	return dir != "" && filepath.Dir(path) == filepath.Clean(dir)
}

// WriteKey writes a new key to a file, which must not be there yet, readable by
// its owner alone.
func WriteKey(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	var secret [keyBytes]byte
	_, _ = rand.Read(secret[:]) // never fails
	_, err = fmt.Fprintf(f, "%x\n", secret)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// Record is what the hashes are bound to, and the hashes in hexadecimal.
type Record struct {
	ID, User, Model      string
	PromptMAC, AnswerMAC string
}

// start begins a hash of one of the record's two things. Lengths keep the fields
// apart.
func (k *Key) start(r *Record, of string) hash.Hash {
	h := hmac.New(sha256.New, k.secret[:])
	for _, field := range []string{of, r.ID, r.User, r.Model} {
		fmt.Fprintf(h, "%d %s", len(field), field)
	}
	return h
}

// Prompt sets the hash of a prompt's tokens.
func (k *Key) Prompt(r *Record, tokens []runtime.Token) {
	h := k.start(r, "prompt")
	var b [4]byte
	for _, t := range tokens {
		binary.LittleEndian.PutUint32(b[:], uint32(t))
		_, _ = h.Write(b[:])
	}
	r.PromptMAC = hex.EncodeToString(h.Sum(nil))
}

// Answer returns the hash that an answer's text is written to as it is made;
// SetAnswer ends it.
func (k *Key) Answer(r *Record) hash.Hash { return k.start(r, "answer") }

// SetAnswer sets the hash of an answer.
func (r *Record) SetAnswer(h hash.Hash) { r.AnswerMAC = hex.EncodeToString(h.Sum(nil)) }

// ProvePrompt reports whether the record is of a prompt.
func (k *Key) ProvePrompt(r Record, tokens []runtime.Token) bool {
	claimed := r.PromptMAC
	k.Prompt(&r, tokens)
	return same(r.PromptMAC, claimed)
}

// ProveAnswer reports whether the record is of an answer's text.
func (k *Key) ProveAnswer(r Record, text []byte) bool {
	claimed := r.AnswerMAC
	h := k.Answer(&r)
	_, _ = h.Write(text)
	r.SetAnswer(h)
	return same(r.AnswerMAC, claimed)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
