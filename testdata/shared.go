// Package testdata finds the files that tests read.
//
// The folder beside this file is committed and always there; README.md gives
// the recipe of each file. Golden data that is too large, or not ours to
// distribute, lives outside the repository: INFERD_SHARED names its folder,
// and tests that need it are skipped where the variable is unset.
package testdata

import (
	"os"
	"path/filepath"
	goruntime "runtime"
	"testing"
)

// Path returns the path of a committed file under testdata.
func Path(elem ...string) string {
	_, self, _, _ := goruntime.Caller(0)
	return filepath.Join(append([]string{filepath.Dir(self)}, elem...)...)
}

// Shared returns the path of a file or folder in the golden data and skips
// the test where INFERD_SHARED is unset. It fails the test where the variable
// is set but the file is missing, so that a broken setup cannot pass as a skip.
func Shared(tb testing.TB, elem ...string) string {
	tb.Helper()
	root := os.Getenv("INFERD_SHARED")
	if root == "" {
		tb.Skip("INFERD_SHARED is not set: golden data is not available")
	}
	p := filepath.Join(append([]string{root}, elem...)...)
	if _, err := os.Stat(p); err != nil {
		tb.Fatalf("INFERD_SHARED is set, but %v", err)
	}
	return p
}
