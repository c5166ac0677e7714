package private

import (
	"context"
	"fmt"
	"os"
	goruntime "runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// overwriting are settings of Go's runtime. The first has the garbage collector
// overwrite every object it frees. The second keeps the runtime from interrupting
// threads with signals: each would leave a copy of the registers, and of what was
// being copied through them, on a stack. Without it a goroutine is preempted
// where it calls a function. The third keeps stacks where they are, since one that
// shrinks leaves the old one behind.
var overwriting = []string{"clobberfree=1", "asyncpreemptoff=1", "gcshrinkstackoff=1"}

// Overwrites reports whether freed memory is overwritten.
func Overwrites() bool {
	have := strings.Split(os.Getenv("GODEBUG"), ",")
	return !slices.ContainsFunc(overwriting, func(s string) bool { return !slices.Contains(have, s) })
}

// Overwrite starts the program again, in this process, such that Overwrites
// reports true: Go's runtime takes the settings at its start only. It returns nil
// where that is so already, or why it cannot be.
func Overwrite() error {
	if Overwrites() {
		return nil
	}
	settings := strings.Join(overwriting, ",")
	if others := os.Getenv("GODEBUG"); others != "" {
		settings = others + "," + settings
	}
	if err := os.Setenv("GODEBUG", settings); err != nil {
		return err
	}
	err := unix.Exec("/proc/self/exe", os.Args, os.Environ())
	return fmt.Errorf("start again with GODEBUG=%s: %w", settings, err)
}

// Forgetter has the garbage collector run soon after requests have ended, so
// that what they left on the heap is overwritten.
type Forgetter struct {
	drop func()        // lets go of what is kept too long
	wake chan struct{} // holds one token while something is to be forgotten
}

// NewForgetter returns a forgetter that does nothing until Run. It calls drop
// before it collects.
func NewForgetter(drop func()) *Forgetter { return &Forgetter{drop, make(chan struct{}, 1)} }

// Soon tells that a request has ended.
func (f *Forgetter) Soon() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// forgetShare is how many times longer than a collection the pause after it is,
// at least: under steady load collecting takes about a twentieth of a CPU.
const forgetShare = 20

// maxPause bounds the pause, however slow the machine is.
const maxPause = time.Second

// settle is how long those that have had a request get to let go of it.
const settle = 5 * time.Millisecond

// Run collects until ctx ends. What is let go of by the time of a call of Soon, or
// within settle after it, is overwritten within a pause and two collections:
// milliseconds in an idle daemon, little more than a second in a busy one.
func (f *Forgetter) Run(ctx context.Context) {
	for {
		select {
		case <-f.wake:
		case <-ctx.Done():
			return
		}
		if !pause(ctx, settle) {
			return
		}
		started := time.Now()
		f.drop()
		// The second collection finds what a sync.Pool let go of in the first.
		goruntime.GC()
		goruntime.GC()
		if !pause(ctx, min(forgetShare*time.Since(started), maxPause)) {
			return
		}
	}
}

// pause waits and reports true, or false once ctx has ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}
