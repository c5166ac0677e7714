package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode"

	"inferd/runtime"
)

var inspectCommand = &command{
	name:     "inspect",
	synopsis: "FILE [--json]",
	summary:  "show what a model file holds and the memory it needs",
	details: `
Show the architecture, sizes, quantisation, tokenizer, licence and context of a
GGUF file, and the memory that one full context needs, or why the file cannot
be run. Of a split set, name the first part. Only the header is read, so this
is quick for a file of any size.

With --json, one object with the same facts, every metadata key and every
tensor; arrays of more than 64 elements are given by type and length.`,
	nArgs: [2]int{1, 1},
	define: func(fs *flag.FlagSet) runFunc {
		asJSON := fs.Bool("json", false, "print one JSON object")
		return func(_ context.Context, args []string) error { return inspect(args[0], *asJSON) }
	},
}

func inspect(path string, asJSON bool) error {
	r, err := newReport(path)
	if err != nil {
		return fileError(err)
	}
	if asJSON {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(r)
	}
	return r.print()
}

// print writes the facts as aligned lines; what is unknown has no line.
func (r *report) print() error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	line := func(known bool, name, format string, a ...any) {
		if known {
			fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, a...))
		}
	}
	line(true, "file", "%s in %s, GGUF version %d", byteCount(r.FileBytes), plural(r.NParts, "part"), r.GGUFVersion)
	line(true, "architecture", "%s", cmp.Or(printable(r.Architecture), "not stated"))
	line(r.Name != "", "name", "%s", printable(r.Name))
	line(r.SourceURL != "", "source", "%s", printable(r.SourceURL))
	line(true, "licence", "%s", cmp.Or(printable(r.License), "not stated"))
	line(true, "parameters", "%s", grouped(r.NParams))
	line(r.NTensors > 0, "quantisation", "%s, %.2f bits per weight: %s", cmp.Or(r.FileType, r.Quantisation), r.BitsPerWeight, typeList(r.Types))
	line(r.NLayers > 0, "layers", "%d, width %d, feed-forward width %d", r.NLayers, r.Dim, r.FFNDim)
	line(r.NHeads > 0, "attention", "%d query heads, %d KV heads, head width %d", r.NHeads, r.NKVHeads, r.HeadDim)
	line(r.NExperts > 0, "experts", "%d, %d used per token", r.NExperts, r.NExpertsUsed)
	line(r.NCtxTrain > 0, "context", "%s", plural(r.NCtxTrain, "token"))
	line(r.TokenizerModel != "", "tokenizer", "%s, %s, pre-tokenizer %s", printable(r.TokenizerModel), plural(r.NVocab, "token"), cmp.Or(printable(r.TokenizerPre), "not stated"))
	line(true, "chat template", "%s", map[bool]string{true: "yes", false: "no"}[r.HasChatTemplate])
	m := r.Memory
	line(r.MemoryBytes > 0, "memory", "%s: weights %s, KV cache %s for %s in %s, scratch %s",
		byteCount(r.MemoryBytes), byteCount(m.WeightBytes), byteCount(m.KVBytes), plural(m.NCtx, "token"), m.KVType, byteCount(m.ScratchBytes))
	line(r.Problem != "", "cannot run", "%s", printable(r.Problem))
	return w.Flush()
}

// typeList words how many tensors are of which type.
func typeList(types []runtime.TypeUse) string {
	words := make([]string, len(types))
	for i, t := range types {
		words[i] = fmt.Sprintf("%d × %s", t.NTensors, t.Type)
	}
	return strings.Join(words, ", ")
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
		return plural(n, "byte")
	}
	x, unit := float64(n)/1024, 0
	for x >= 1000 && unit < 4 {
		x, unit = x/1024, unit+1
	}
	return fmt.Sprintf("%.*f %ciB", map[bool]int{true: 0, false: 1}[x >= 100], x, "KMGTP"[unit])
}

// plural words a count of things.
func plural[N int | int64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return grouped(n) + " " + thing + "s"
}

// grouped writes n with a comma between groups of three digits.
func grouped[N int | int64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
