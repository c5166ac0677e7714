//go:build invariants

package runtime

// invariants turns on checks that cost too much for daily use: scratch memory
// is poisoned, so that a value nobody wrote shows, and pages are proved zero
// before they are handed out.
const invariants = true
