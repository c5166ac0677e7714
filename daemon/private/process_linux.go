package private

import (
	"fmt"
	"os/signal"

	"golang.org/x/sys/unix"
)

// Seal keeps the memory of this process from others: no core dump is written,
// and nobody but root may trace it or read /proc/PID/mem, not even another
// process of the same user. It lasts until the process executes another program.
//
// SIGPIPE is ignored: it comes while an answer is being written to a client that
// has left, and its handler's frame would hold the registers.
func Seal() error {
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("make the process undumpable: %w", err)
	}
	// The kernel pipes dumps to a program whatever this limit is, but not those of
	// an undumpable process; a plain file needs both to be refused.
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	signal.Ignore(unix.SIGPIPE)
	return nil
}

// Sealed reports whether what Seal sets is so.
func Sealed() bool {
	dumpable, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
	if err != nil || dumpable != 0 {
		return false
	}
	var core unix.Rlimit
	return unix.Getrlimit(unix.RLIMIT_CORE, &core) == nil && core.Max == 0 && signal.Ignored(unix.SIGPIPE)
}
