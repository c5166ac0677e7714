package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// A command is one subcommand of inferctl.
type command struct {
	name     string
	synopsis string // what follows the name in the usage line
	summary  string // one line for the overview, no full stop
	details  string // paragraphs for --help
	nArgs    [2]int // least and most positional arguments; most -1 is no limit

	// define declares the flags on fs and returns what runs after parsing.
	define func(fs *flag.FlagSet) runFunc
}

// A runFunc does a command's work. Positional arguments are already counted.
type runFunc func(ctx context.Context, args []string) error

// commands lists every subcommand in the order of the overview.
func commands() []*command {
	return []*command{
		chatCommand,
		bridgeCommand,
		statusCommand,
		modelsCommand,
		psCommand,
		loadCommand,
		unloadCommand,
		topCommand,
		reloadCommand,
		policyCommand,
		auditCommand,
		generateCommand,
		pullCommand,
		inspectCommand,
		tokenizeCommand,
		detokenizeCommand,
		embedCommand,
		logitsCommand,
		tensorCommand,
		quantizeCommand,
		perplexityCommand,
		doctorCommand,
		benchCommand,
		evalCommand,
		templateCommand,
		replayCommand,
		completionCommand(),
	}
}

// dispatch finds the subcommand that args name and runs it.
func dispatch(ctx context.Context, args []string) error {
	if len(args) == 0 {
		printOverview(os.Stderr)
		return usagef("", "no command given")
	}
	name, rest := args[0], args[1:]
	switch name {
	case "help", "--help", "-help", "-h":
		if name != "help" || len(rest) == 0 {
			printOverview(os.Stdout)
			return nil
		}
		name, rest = rest[0], []string{"--help"}
	}
	for _, c := range commands() {
		if c.name == name {
			return c.execute(ctx, rest)
		}
	}
	return usagef("", "unknown command %q", name)
}

// execute parses args and runs c, or prints its help.
func (c *command) execute(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	run := c.define(fs)
	positional, err := parseInterspersed(fs, args)
	if errors.Is(err, flag.ErrHelp) {
		c.printHelp(os.Stdout, fs)
		return nil
	}
	if err != nil {
		return usagef(c.name, "%v", err)
	}
	if n := len(positional); n < c.nArgs[0] || c.nArgs[1] >= 0 && n > c.nArgs[1] {
		return usagef(c.name, "%s takes %s, %d given", c.name, argCount(c.nArgs), n)
	}
	err = run(ctx, positional)
	if u, ok := errors.AsType[*usageError](err); ok && u.command == "" {
		u.command = c.name
	}
	return err
}

// parseInterspersed parses flags that may stand before, between and after the
// positional arguments, which it returns. After "--" all is positional.
func parseInterspersed(fs *flag.FlagSet, args []string) ([]string, error) {
	var positional []string
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		rest := fs.Args()
		if len(rest) == 0 {
			return positional, nil
		}
		if used := len(args) - len(rest); used > 0 && args[used-1] == "--" {
			return append(positional, rest...), nil
		}
		positional, args = append(positional, rest[0]), rest[1:]
	}
}

// argCount words a range of positional arguments.
func argCount(n [2]int) string {
	switch {
	case n[1] == 0:
		return "no arguments besides flags"
	case n[1] < 0:
		return fmt.Sprintf("at least %d argument(s)", n[0])
	case n[0] == n[1]:
		return fmt.Sprintf("%d argument(s)", n[0])
	default:
		return fmt.Sprintf("%d to %d arguments", n[0], n[1])
	}
}

// printOverview writes the list of subcommands.
func printOverview(w io.Writer) {
	fmt.Fprint(w, "Usage: inferctl COMMAND [flags]\n\nClient and tools of the inferd language-model daemon.\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(w, "  %-11s %s\n", c.name, c.summary)
	}
	fmt.Fprint(w, "\n'inferctl COMMAND --help' tells more about one of them.\n")
}

// printHelp writes c's usage line, description and flags.
func (c *command) printHelp(w io.Writer, fs *flag.FlagSet) {
	fmt.Fprintf(w, "Usage: inferctl %s %s\n\n%s\n", c.name, c.synopsis, strings.TrimSpace(c.details))
	heading := "\nFlags:\n"
	fs.VisitAll(func(f *flag.Flag) {
		fmt.Fprint(w, heading)
		heading = ""
		value, usage := flag.UnquoteUsage(f)
		if value != "" {
			value = " " + value
		}
		fmt.Fprintf(w, "  %-22s %s\n", "--"+f.Name+value, usage)
	})
}

// given reports whether the command line has a flag.
func given(fs *flag.FlagSet, name string) bool {
	found := false
	fs.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// required reports the first flag of names that is not on the command line.
func required(fs *flag.FlagSet, names ...string) error {
	for _, name := range names {
		if !given(fs, name) {
			return usagef(fs.Name(), "--%s is required", name)
		}
	}
	return nil
}
