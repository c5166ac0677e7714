package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"inferd/daemon"
	"inferd/daemon/private"
	"inferd/daemon/transport"
	"inferd/gguf"
	"inferd/runtime"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

func main() { os.Exit(run(os.Args[1:])) }

// run serves until a signal asks for an end and returns the exit code.
func run(args []string) int {
	if len(args) == 2 && args[0] == "--reload" {
		return tellReload(args[1])
	}
	var help bytes.Buffer
	config, err := daemon.ParseArgs(args, &help)
	switch {
	case errors.Is(err, flag.ErrHelp):
		_, _ = help.WriteTo(os.Stdout)
		return exitOK
	case err != nil:
		return report(err, "'inferd --help' lists the flags, which are also the keys of the configuration file", exitUsage)
	case config.Check() != nil:
		return report(config.Check(), "name a model with --model FILE or a folder of them with --models-dir, or either in the file of --config; --demo serves a small model that the program carries", exitUsage)
	}
	if err := keepPrivate(); err != nil {
		return report(err, "", exitFailure)
	}
	// The first signal ends the daemon in order, the second one at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	reload := func() (daemon.Config, error) { return daemon.ParseArgs(args, io.Discard) }
	if err := daemon.Run(ctx, config, reload); err != nil {
		return report(err, hintFor(err), exitFailure)
	}
	return exitOK
}

// keepPrivate readies the process for what people will say to it.
func keepPrivate() error {
	if err := private.Overwrite(); err != nil { // requests work without it
		fmt.Fprintln(os.Stderr, "inferd: warning: freed memory is not overwritten, prompts stay in it for a while:", err)
	}
	return private.Seal()
}

// tellReload tells a running daemon to read its configuration again. It is here
// because a service's root directory holds no other program that could.
func tellReload(pid string) int {
	n, err := strconv.Atoi(pid)
	if err != nil || n < 2 {
		return report(fmt.Errorf("--reload %q: want the process id of a daemon", pid), "", exitUsage)
	}
	if err := syscall.Kill(n, syscall.SIGHUP); err != nil {
		return report(fmt.Errorf("reload process %d: %w", n, err), "", exitFailure)
	}
	return exitOK
}

// report tells what went wrong, and the cure if there is one, and returns code.
func report(err error, hint string, code int) int {
	fmt.Fprintln(os.Stderr, "inferd: error:", err)
	if hint != "" {
		fmt.Fprintln(os.Stderr, "inferd: hint:", hint)
	}
	return code
}

// hintFor returns the cure of an error where one is known.
func hintFor(err error) string {
	if _, ok := errors.AsType[*gguf.ParseError](err); ok {
		return "the file is damaged, incomplete or no GGUF file; compare its size and checksum with the source's"
	}
	if m, ok := errors.AsType[*runtime.ModelError](err); ok {
		return fmt.Sprintf("'inferctl inspect %s' shows what the file holds", m.Path)
	}
	switch {
	case errors.Is(err, transport.ErrInUse):
		return "another inferd serves this socket; stop it, or choose another one with --socket PATH"
	case errors.Is(err, fs.ErrPermission):
		return "run as a user who may use it, or choose another place with --socket PATH"
	}
	return ""
}
