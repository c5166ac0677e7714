package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// command is one subcommand.
type command struct {
	name    string
	summary string
	define  func(fs *flag.FlagSet) runFunc // declares flags
}

type runFunc func(ctx context.Context, out io.Writer) error

func commands() []command {
	return []command{corpusCommand, vocabCommand, trainCommand, exportCommand, evalCommand, intentsCommand, headCommand}
}

// errUsage marks a mistake on the command line.
var errUsage = errors.New("see --help")

func usagef(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, errUsage)...)
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	err := dispatch(ctx, args, out)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(errOut, "inferd-tune: interrupted; the same command goes on from the checkpoint")
		return exitFailure
	}
	fmt.Fprintln(errOut, "inferd-tune: error:", err)
	if errors.Is(err, errUsage) {
		return exitUsage
	}
	return exitFailure
}

func dispatch(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return usagef("no command given")
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		overview(out)
		return nil
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.execute(ctx, args[1:], out)
		}
	}
	return usagef("unknown command %q", args[0])
}

func overview(out io.Writer) {
	fmt.Fprint(out, "Usage: inferd-tune COMMAND [flags]\n\nTrains inferd's demo model and classifier heads.\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(out, "  %-8s %s\n", c.name, c.summary)
	}
	fmt.Fprint(out, "\n'inferd-tune COMMAND --help' lists a command's flags.\n")
}

func (c command) execute(ctx context.Context, args []string, out io.Writer) error {
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	run := c.define(fs)
	switch err := fs.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintf(out, "Usage: inferd-tune %s [flags]\n\n%s.\n\nFlags:\n", c.name, c.summary)
		fs.SetOutput(out)
		fs.PrintDefaults()
		return nil
	case err != nil:
		return usagef("%s: %v", c.name, err)
	case fs.NArg() > 0:
		return usagef("%s: unexpected argument %q", c.name, fs.Arg(0))
	}
	return run(ctx, out)
}

// required reports the first flag, given as name and value in turn, that is
// empty.
func required(nameValue ...string) error {
	for i := 0; i < len(nameValue); i += 2 {
		if nameValue[i+1] == "" {
			return usagef("--%s is required", nameValue[i])
		}
	}
	return nil
}
