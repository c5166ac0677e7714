package store

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// PublicKey is a key of minisign(1), which signs with Ed25519.
type PublicKey struct {
	id  [8]byte
	key ed25519.PublicKey
}

// Sizes of what minisign's files hold in base64: two letters for the algorithm,
// the key's id, and then the key or the signature.
const (
	algorithmBytes = 2
	keyIDBytes     = 8
	publicKeyBytes = algorithmBytes + keyIDBytes + ed25519.PublicKeySize
	signatureBytes = algorithmBytes + keyIDBytes + ed25519.SignatureSize
)

// ParsePublicKey reads a public key as minisign -G prints it: a line of base64,
// or the content of a .pub file.
func ParsePublicKey(text string) (PublicKey, error) {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) == 2 && strings.HasPrefix(lines[0], untrustedComment) {
		lines = lines[1:]
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(lines[0]))
	if err != nil || len(lines) != 1 || len(raw) != publicKeyBytes || string(raw[:algorithmBytes]) != "Ed" {
		return PublicKey{}, errors.New("is no public key of minisign")
	}
	k := PublicKey{key: ed25519.PublicKey(raw[algorithmBytes+keyIDBytes:])}
	copy(k.id[:], raw[algorithmBytes:])
	return k, nil
}

// signature is the content of a .minisig file.
type signature struct {
	prehashed bool // of the BLAKE2b-512 of the file, not of the file itself
	keyID     [8]byte
	sig       []byte
	comment   string // trusted once checked
	commented []byte // signature of sig and comment
}

const (
	untrustedComment = "untrusted comment: "
	trustedComment   = "trusted comment: "
)

var errNoSignature = errors.New("is no signature of minisign")

// parseSignature reads a .minisig file: a comment, the signature, another
// comment, and a signature of those two.
func parseSignature(text []byte) (signature, error) {
	lines := strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"), "\n")
	if len(lines) != 4 || !strings.HasPrefix(lines[0], untrustedComment) {
		return signature{}, errNoSignature
	}
	comment, ok := strings.CutPrefix(lines[2], trustedComment)
	raw, err := base64.StdEncoding.DecodeString(lines[1])
	commented, commentedErr := base64.StdEncoding.DecodeString(lines[3])
	if !ok || err != nil || commentedErr != nil || len(raw) != signatureBytes || len(commented) != ed25519.SignatureSize {
		return signature{}, errNoSignature
	}
	s := signature{sig: raw[algorithmBytes+keyIDBytes:], comment: comment, commented: commented}
	copy(s.keyID[:], raw[algorithmBytes:])
	switch string(raw[:algorithmBytes]) {
	case "ED":
		s.prehashed = true
	case "Ed":
	default:
		return signature{}, fmt.Errorf("has the algorithm %q, which is not known", raw[:algorithmBytes])
	}
	return s, nil
}

// verify reports whether one of keys made the signature of message: the file's
// BLAKE2b-512 if s is prehashed, else the file.
func (s *signature) verify(keys []PublicKey, message []byte) error {
	i := slices.IndexFunc(keys, func(k PublicKey) bool { return k.id == s.keyID })
	if i < 0 {
		return fmt.Errorf("is signed with the key %s, which is none of signing-key", keyName(s.keyID))
	}
	if !ed25519.Verify(keys[i].key, message, s.sig) {
		return fmt.Errorf("does not match its signature by the key %s", keyName(s.keyID))
	}
	if !ed25519.Verify(keys[i].key, append(bytes.Clone(s.sig), s.comment...), s.commented) {
		return fmt.Errorf("has a signature by the key %s whose trusted comment was changed", keyName(s.keyID))
	}
	return nil
}

// keyName spells a key's id as minisign does, highest byte first.
func keyName(id [8]byte) string {
	b := slices.Clone(id[:])
	slices.Reverse(b)
	return strings.ToUpper(hex.EncodeToString(b))
}
