package clients

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// npmTimeout bounds the installation, which a registry that does not answer
// would draw out.
const npmTimeout = 10 * time.Minute

// TestNode runs each file of tests in js.
func TestNode(t *testing.T) {
	modules, err := nodeModules(t.Context())
	if err != nil {
		if os.Getenv("INFERD_CLIENTS") == "require" {
			t.Fatal(err)
		}
		t.Skip("********** CLIENTS FOR NODE ARE NOT TESTED: ", err)
	}
	files, err := filepath.Glob(filepath.Join("js", "*.mjs"))
	if err != nil || len(files) == 0 {
		t.Fatal("no tests in js", err)
	}
	// Node looks for packages from the place of the file that imports them.
	dir := t.TempDir()
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, filepath.Base(file)), text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	tests, _ := filepath.Glob(filepath.Join(dir, "*.test.mjs"))
	for _, test := range tests {
		t.Run(filepath.Base(test), func(t *testing.T) {
			node := exec.CommandContext(t.Context(), "node", "--test-reporter=spec", test)
			node.Env = append(os.Environ(), "INFERD_SOCKET="+socket)
			out, err := node.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%s", out)
		})
	}
}

// nodeModules installs what package-lock.json pins, once, into the user's
// cache, and returns the folder.
func nodeModules(ctx context.Context) (string, error) {
	if _, err := exec.LookPath("npm"); err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	manifest, err := os.ReadFile(filepath.Join("js", "package.json"))
	if err != nil {
		return "", err
	}
	lock, err := os.ReadFile(filepath.Join("js", "package-lock.json"))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(append(bytes.Clone(manifest), lock...))
	parent := filepath.Join(cache, "inferd-clients")
	dir := filepath.Join(parent, hex.EncodeToString(sum[:8]))
	modules := filepath.Join(dir, "node_modules")
	if _, err := os.Stat(modules); err == nil {
		return modules, nil
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", err
	}
	fresh, err := os.MkdirTemp(parent, "installing-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(fresh) }() // gone already if all went well
	if err := errors.Join(
		os.WriteFile(filepath.Join(fresh, "package.json"), manifest, 0o600),
		os.WriteFile(filepath.Join(fresh, "package-lock.json"), lock, 0o600),
	); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, npmTimeout)
	defer cancel()
	install := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = fresh
	if out, err := install.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	if err := os.Rename(fresh, dir); err != nil { // somebody else may have been faster
		if _, statErr := os.Stat(modules); statErr != nil {
			return "", err
		}
	}
	return modules, nil
}
