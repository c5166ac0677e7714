package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"inferd/gguf"
)

var inspectCommand = &command{
	name:     "inspect",
	synopsis: "FILE [--json]",
	summary:  "show what a model file holds and the memory it needs",
	details: `
Show the architecture, sizes, quantisation, tokenizer, licence and context of a
GGUF file, and the memory that one full context needs. Of a split set, name the
first part. Only the header is read, so this is quick for a file of any size
and works for architectures that cannot run.

With --json, one object with the same facts, every metadata key and every
tensor; arrays of more than 64 elements are given by type and length.`,
	nArgs: [2]int{1, 1},
	define: func(fs *flag.FlagSet) runFunc {
		asJSON := fs.Bool("json", false, "print one JSON object")
		return func(_ context.Context, args []string) error { return inspect(args[0], *asJSON) }
	},
}

func inspect(path string, asJSON bool) error {
	f, err := gguf.Open(path)
	if err != nil {
		return fileError(err)
	}
	defer f.Close()
	s := summarize(f)
	if asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(s)
	}
	return s.print()
}

// print writes the facts as aligned lines; what is unknown has no line.
func (s *summary) print() error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	line := func(known bool, name, format string, a ...any) {
		if known {
			fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, a...))
		}
	}
	line(true, "file", "%s in %s, GGUF version %d", byteCount(s.Bytes), plural(s.Parts, "part"), s.GGUFVersion)
	line(true, "architecture", "%s", cmp.Or(printable(s.Architecture), "not stated"))
	line(s.Name != "", "name", "%s", printable(s.Name))
	line(true, "licence", "%s", cmp.Or(printable(s.License), "not stated"))
	line(true, "parameters", "%s", grouped(s.Parameters))
	line(s.Parameters > 0, "quantisation", "%s", s.Quantization)
	line(s.Layers > 0, "layers", "%d, width %d, feed-forward width %d", s.Layers, s.Dim, s.FFNDim)
	line(s.Heads > 0, "attention", "%d heads, %d KV heads, head width %d", s.Heads, s.KVHeads, s.HeadDim)
	line(s.Experts > 0, "experts", "%d, %d used per token", s.Experts, s.ExpertsUsed)
	line(s.ContextLength > 0, "context", "%s tokens", grouped(s.ContextLength))
	line(s.Tokenizer.Model != "", "tokenizer", "%s", s.Tokenizer)
	line(s.Tokenizer.Model != "", "chat template", "%s", map[bool]string{true: "yes", false: "no"}[s.Tokenizer.ChatTemplate])
	line(s.Memory.WeightsBytes > 0, "memory", "%s", s.Memory)
	for _, p := range s.Problems {
		line(true, "problem", "%s", printable(p))
	}
	return w.Flush()
}

// String words a mix of types, largest share first.
func (q quantization) String() string {
	names := slices.SortedFunc(maps.Keys(q.Types), func(a, b string) int {
		return cmp.Or(cmp.Compare(q.Types[b].Bytes, q.Types[a].Bytes), strings.Compare(a, b))
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%d × %s", q.Types[name].Tensors, name)
	}
	text := fmt.Sprintf("%.2f bits per weight: %s", q.BitsPerWeight, strings.Join(names, ", "))
	if q.FileType != "" {
		text = q.FileType + ", " + text
	}
	return text
}

func (t tokenizerSummary) String() string {
	text := fmt.Sprintf("%s, %s", printable(t.Model), plural(t.Tokens, "token"))
	if t.Pre != "" {
		text += ", pre-tokenizer " + printable(t.Pre)
	}
	if t.BOS != nil {
		text += fmt.Sprintf(", BOS %d", *t.BOS)
	}
	if t.EOS != nil {
		text += fmt.Sprintf(", EOS %d", *t.EOS)
	}
	return text
}

func (m memoryNeeded) String() string {
	text := byteCount(m.WeightsBytes) + " weights"
	if m.KVBytes > 0 {
		text += fmt.Sprintf(" + %s KV cache for a full context = %s", byteCount(m.KVBytes), byteCount(m.TotalBytes))
	}
	return text
}

// printable keeps a hostile file from sending control sequences to a terminal.
func printable(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.QuoteToGraphic(s)
	}
	return s
}

// byteCount words a size in binary units with three digits or so.
func byteCount(n int64) string {
	if n < 1024 {
		return plural(int(n), "byte")
	}
	x, unit := float64(n)/1024, 0
	for x >= 1000 && unit < 4 {
		x, unit = x/1024, unit+1
	}
	return fmt.Sprintf("%.*f %ciB", map[bool]int{true: 0, false: 1}[x >= 100], x, "KMGTP"[unit])
}

// plural words a count of things.
func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return grouped(n) + " " + thing + "s"
}

// grouped writes n with a comma between groups of three digits.
func grouped(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
