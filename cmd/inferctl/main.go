package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
	exitRefused = 3 // a chat template refused the conversation
)

func main() {
	ctx, stop := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		stop(signalError{(<-signals).(syscall.Signal)})
		// A second signal does not wait for the clean-up.
		signal.Reset()
	}()
	code := run(ctx, os.Args[1:])
	if died, ok := errors.AsType[signalError](context.Cause(ctx)); ok && code != exitOK {
		signal.Reset()
		_ = syscall.Kill(os.Getpid(), died.Signal)
		time.Sleep(time.Second) // the signal may reach another thread a little later
	}
	os.Exit(code)
}

// signalError is the cancellation cause of a process told to stop.
type signalError struct{ syscall.Signal }

func (e signalError) Error() string { return "stopped by signal: " + e.Signal.String() }

// run executes one command line, reports its error and returns the exit code.
func run(ctx context.Context, args []string) int {
	err := dispatch(ctx, args)
	if err == nil {
		return exitOK
	}
	if _, ok := errors.AsType[signalError](context.Cause(ctx)); ok {
		return exitFailure // whoever sent the signal knows
	}
	fmt.Fprintln(os.Stderr, "inferctl: error:", err)
	if hint := hintFor(err); hint != "" {
		fmt.Fprintln(os.Stderr, "inferctl: hint:", hint)
	}
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[*refusedError](err); ok {
		return exitRefused
	}
	return exitFailure
}
