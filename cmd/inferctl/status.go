package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"inferd/daemon/admin"
)

// statusPrinter makes a command that asks for the status and prints a part of it.
func statusPrinter(name, summary, details string, show func(io.Writer, admin.Status)) *command {
	return &command{
		name: name, synopsis: "[--admin-socket S] [--json]", summary: summary, details: details,
		define: func(fs *flag.FlagSet) runFunc {
			socket := adminFlag(fs)
			asJSON := fs.Bool("json", false, "print the daemon's whole status as JSON")
			return func(ctx context.Context, _ []string) error {
				s, err := daemonStatus(ctx, *socket)
				if err != nil {
					return err
				}
				if *asJSON {
					return json.NewEncoder(os.Stdout).Encode(s)
				}
				w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
				show(w, s)
				return w.Flush()
			}
		},
	}
}

var statusCommand = statusPrinter("status", "show what a running daemon does", `
Show the daemon's state: since when it runs, its memory, its loaded models with
their queues, and how much each user has asked.`, showStatus)

var modelsCommand = statusPrinter("models", "list the models that a running daemon knows", `
List all models: those that are loaded, those that would be on request, and files
that cannot be used, with the reason.`, showModels)

var psCommand = statusPrinter("ps", "list the models that a running daemon has loaded", `
List the loaded models with their memory, their queues, and when they will be
unloaded if nobody asks.`, func(w io.Writer, s admin.Status) { showLoaded(w, s, nil) })

func showStatus(w io.Writer, s admin.Status) {
	fmt.Fprintf(w, "inferd\t%s, process %d, up %s\n", s.Version, s.PID, s.Uptime.Round(time.Second))
	fmt.Fprintf(w, "socket\t%s\n", s.Socket)
	fmt.Fprintf(w, "kernels\t%s, %s, arithmetic %d\n", s.Kernels, plural(s.Threads, "thread"), s.Contract)
	fmt.Fprintf(w, "memory\t%s resident, %s for models, %s available", mebibytes(s.Memory.RSS), mebibytes(s.Memory.Models), mebibytes(s.Memory.Available))
	if s.Memory.Source != "" {
		fmt.Fprintf(w, " (%s)", s.Memory.Source)
	}
	fmt.Fprintln(w)
	fmt.Fprintf(w, "privacy\t%s\n", privacyText(s.Privacy))
	if s.Stopping {
		fmt.Fprintln(w, "state\tstopping: running answers are finished, new requests refused")
	}
	fmt.Fprintln(w)
	showLoaded(w, s, nil)
	if len(s.Users) > 0 {
		fmt.Fprint(w, "\nUID\tREQUESTS\tPROMPT TOKENS\tGENERATED TOKENS\tKV USED\tKV CACHED\tKV RESERVED\n")
	}
	for _, u := range s.Users {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", u.UID, grouped(u.NRequests), grouped(u.NPrompt), grouped(u.NGenerated),
			mebibytes(u.KV.Used), mebibytes(u.KV.Cached), mebibytes(u.KV.Reserved))
	}
}

// privacyText says what a daemon does with what was said to it.
func privacyText(p admin.Privacy) string {
	overwrites, sealed := "freed memory is overwritten", "no other process reads its memory"
	if !p.Overwrites {
		overwrites = "freed memory is NOT overwritten"
	}
	if !p.Sealed {
		sealed = "other processes of its user may read its memory"
	}
	return overwrites + ", " + sealed
}

// showModels lists every model in a line.
func showModels(w io.Writer, s admin.Status) {
	fmt.Fprint(w, "NAME\tSTATE\tSIZE\tQUANTISATION\tLICENCE\tSHA256\n")
	for _, m := range s.Models {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%.12s\n", printable(m.Name), modelState(m), mebibytes(m.FileBytes),
			cmp.Or(m.Quantisation, "-"), cmp.Or(printable(m.License), "-"), cmp.Or(m.SHA256, "-"))
	}
	for _, m := range s.Models {
		if m.Problem != "" {
			fmt.Fprintf(w, "\n%s: %s\n", printable(m.Name), printable(m.Problem))
		}
	}
}

func modelState(m admin.Model) string {
	switch {
	case m.Problem != "" && !m.Loaded:
		return "unusable"
	case m.Loaded:
		return "loaded"
	case m.Loading:
		return "loading"
	default:
		return "on request"
	}
}

// showLoaded lists the loaded models; with the status of a moment before also
// how fast they are.
func showLoaded(w io.Writer, s admin.Status, before *admin.Status) {
	fmt.Fprint(w, "MODEL\tMEMORY\tRUNNING\tWAITING\tKV USED\tKV CACHED\tGUESSED RIGHT\tEXPIRES\t")
	if before != nil {
		fmt.Fprint(w, "PROMPT/S\tTOKENS/S\t")
	}
	fmt.Fprintln(w)
	for _, m := range s.Models {
		if !m.Loaded {
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\t%s\t%s\t", printable(m.Name), mebibytes(m.MemoryBytes), m.Running, m.Waiting,
			share(m.KVUsed, m.KVPages), share(m.KVCached, m.KVPages), share(m.NRight, m.NGuessed), expiry(m.Expires))
		if before != nil {
			prompt, generated := rates(m, before, s.Uptime-before.Uptime)
			fmt.Fprintf(w, "%.0f\t%.1f\t", prompt, generated)
		}
		fmt.Fprintln(w)
	}
}

// rates returns a model's tokens per second since a moment before.
func rates(m admin.Model, before *admin.Status, passed time.Duration) (prompt, generated float64) {
	i := slices.IndexFunc(before.Models, func(b admin.Model) bool { return b.Name == m.Name })
	if i < 0 || passed <= 0 {
		return 0, 0
	}
	b := before.Models[i]
	return max(0, float64(m.NPrompt-b.NPrompt)/passed.Seconds()), max(0, float64(m.NGenerated-b.NGenerated)/passed.Seconds())
}

func share[T int | int64](n, of T) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%d %%", 100*n/of)
}

func expiry(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return "in " + max(0, time.Until(at)).Round(time.Second).String()
}

func mebibytes(n int64) string { return grouped(n>>20) + " MiB" }

var topCommand = &command{
	name:     "top",
	synopsis: "[--admin-socket S] [--every TIME]",
	summary:  "watch a running daemon live",
	details: `
Show the daemon's state on the terminal again and again, with the tokens per second
of each model. Ctrl-C ends it. Without a terminal it prints one state, over the time
of --every.`,
	define: func(fs *flag.FlagSet) runFunc {
		socket := adminFlag(fs)
		every := fs.Duration("every", 2*time.Second, "`TIME` between two looks")
		return func(ctx context.Context, _ []string) error {
			if *every < 100*time.Millisecond {
				return usagef("top", "--every %v: want at least 100ms", *every)
			}
			return top(ctx, *socket, *every)
		}
	},
}

func top(ctx context.Context, socket string, every time.Duration) error {
	before, err := daemonStatus(ctx, socket)
	if err != nil {
		return err
	}
	live := isTerminal(os.Stdout)
	for {
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return nil // the user has seen enough
		}
		now, err := daemonStatus(ctx, socket)
		if err != nil {
			return err
		}
		var b strings.Builder
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "inferd up %s, %s resident, %s available for models\n\n",
			now.Uptime.Round(time.Second), mebibytes(now.Memory.RSS), mebibytes(now.Memory.Available))
		showLoaded(w, now, &before)
		_ = w.Flush() // to a builder
		if !live {
			_, err := os.Stdout.WriteString(b.String())
			return err
		}
		if err := drawScreen(b.String()); err != nil {
			return err
		}
		before = now
	}
}

// drawScreen replaces what is on the terminal; lines that do not fit are cut.
func drawScreen(text string) error {
	width, height, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	var b strings.Builder
	b.WriteString("\x1b[H")
	for _, line := range lines[:min(len(lines), max(1, height-1))] {
		if runes := []rune(line); len(runes) > width {
			line = string(runes[:width])
		}
		b.WriteString(line + "\x1b[K\r\n")
	}
	b.WriteString("\x1b[J")
	_, err = os.Stdout.WriteString(b.String())
	return err
}
