package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
)

// completionShells are the shells that completionCommand writes for.
var completionShells = []string{"bash", "fish", "zsh"}

// completionCommand is a function, since what it prints is made from commands.
func completionCommand() *command {
	return &command{
		name:     "completion",
		synopsis: "bash|fish|zsh",
		summary:  "print what makes a shell complete inferctl's command lines",
		details: `
Print the completion of inferctl for a shell, made from the same tables as the
help. Packages install it; without one:

  inferctl completion bash > ~/.local/share/bash-completion/completions/inferctl
  inferctl completion fish > ~/.config/fish/completions/inferctl.fish
  inferctl completion zsh  > a file _inferctl in a directory of $fpath`,
		nArgs: [2]int{1, 1},
		define: func(*flag.FlagSet) runFunc {
			return func(_ context.Context, args []string) error {
				write, ok := map[string]func(*strings.Builder){
					"bash": bashCompletion, "fish": fishCompletion, "zsh": zshCompletion,
				}[args[0]]
				if !ok {
					return usagef("completion", "shell %q: want %s", args[0], strings.Join(completionShells, ", "))
				}
				var b strings.Builder
				write(&b)
				_, err := os.Stdout.WriteString(b.String())
				return err
			}
		},
	}
}

// completedFlag is a flag as completions see it.
type completedFlag struct {
	name, usage string
	takesValue  bool
}

// flagsOf lists a command's flags.
func flagsOf(c *command) (list []completedFlag) {
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	c.define(fs)
	fs.VisitAll(func(f *flag.Flag) {
		isBool, ok := f.Value.(interface{ IsBoolFlag() bool })
		_, usage := flag.UnquoteUsage(f)
		list = append(list, completedFlag{f.Name, usage, !ok || !isBool.IsBoolFlag()})
	})
	return list
}

// bashCompletion completes command names, then flags or files.
func bashCompletion(b *strings.Builder) {
	b.WriteString("# bash completion for inferctl\n_inferctl() {\n\tlocal cur=${COMP_WORDS[COMP_CWORD]}\n")
	b.WriteString("\tif [[ $COMP_CWORD -eq 1 ]]; then\n\t\tCOMPREPLY=($(compgen -W '")
	for _, c := range commands() {
		b.WriteString(c.name + " ")
	}
	b.WriteString("help' -- \"$cur\"))\n\t\treturn\n\tfi\n\tlocal flags=--help\n\tcase ${COMP_WORDS[1]} in\n")
	for _, c := range commands() {
		fmt.Fprintf(b, "\t%s) flags='--help", c.name)
		for _, f := range flagsOf(c) {
			b.WriteString(" --" + f.name)
		}
		b.WriteString("' ;;\n")
	}
	b.WriteString("\tesac\n\tif [[ $cur == -* ]]; then\n\t\tCOMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))\n" +
		"\telse\n\t\tcompopt -o filenames\n\t\tCOMPREPLY=($(compgen -f -- \"$cur\"))\n\tfi\n}\ncomplete -F _inferctl inferctl\n")
}

// fishCompletion has a line for each command and each flag.
func fishCompletion(b *strings.Builder) {
	b.WriteString("# fish completion for inferctl\n")
	for _, c := range commands() {
		fmt.Fprintf(b, "complete -c inferctl -n __fish_use_subcommand -f -a %s -d %s\n", c.name, shellQuote(c.summary))
	}
	for _, c := range commands() {
		for _, f := range flagsOf(c) {
			value := ""
			if f.takesValue {
				value = " -r"
			}
			fmt.Fprintf(b, "complete -c inferctl -n '__fish_seen_subcommand_from %s' -l %s%s -d %s\n", c.name, f.name, value, shellQuote(f.usage))
		}
	}
}

// zshCompletion describes commands, and each one's flags for _arguments.
func zshCompletion(b *strings.Builder) {
	b.WriteString("#compdef inferctl\n_inferctl() {\n\tlocal -a cmds\n\tcmds=(\n")
	for _, c := range commands() {
		fmt.Fprintf(b, "\t\t%s\n", shellQuote(c.name+":"+c.summary))
	}
	b.WriteString("\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe command cmds\n\t\treturn\n\tfi\n\tcase $words[2] in\n")
	for _, c := range commands() {
		fmt.Fprintf(b, "\t%s) _arguments", c.name)
		for _, f := range flagsOf(c) {
			value := ""
			if f.takesValue {
				value = ":value:_files"
			}
			escaped := strings.NewReplacer("[", "(", "]", ")", ":", `\:`).Replace(f.usage)
			fmt.Fprintf(b, " %s", shellQuote("--"+f.name+"["+escaped+"]"+value))
		}
		b.WriteString(" '*:file:_files' ;;\n")
	}
	b.WriteString("\tesac\n}\n_inferctl \"$@\"\n")
}

// shellQuote makes one word of text for all three shells. No help text has a
// backslash, which means something else in each of them.
func shellQuote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'"'"'`) + "'"
}
