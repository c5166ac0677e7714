package grammar_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"inferd/runtime"
	"inferd/runtime/grammar"
	"inferd/testdata"
	"inferd/tokenizer"
)

// maskSchemas are what masks are measured on: each brings states of another kind.
var maskSchemas = map[string]string{
	"free string":     `{"type":"string"}`,
	"bounded string":  `{"type":"string","maxLength":100000}`,
	"short strings":   `{"type":"array","items":{"type":"string","minLength":2,"maxLength":12}}`,
	"long least":      `{"type":"string","minLength":5000}`,
	"any object":      `{"type":"object"}`,
	"person":          `{"type":"object","properties":{"name":{"type":"string","maxLength":80},"age":{"type":"integer","minimum":0,"maximum":150},"email":{"type":"string","format":"email"}},"required":["name","age","email"],"additionalProperties":false}`,
	"deep object":     strings.Repeat(`{"type":"object","properties":{"a":`, 40) + `{"type":"string","maxLength":500}` + strings.Repeat(`},"required":["a"]}`, 40),
	"long enum":       `{"type":"array","items":{"enum":[` + numbered(5000, `"value %d of many"`) + `]}}`,
	"many properties": `{"type":"object","properties":{` + numbered(400, `"property_%d":{"type":"string"}`) + `}}`,
	"record":          `{"type":"object","additionalProperties":{"type":"string","maxLength":1000}}`,
	"tree":            `{"$ref":"#/$defs/t","$defs":{"t":{"type":"object","properties":{"name":{"type":"string"},"kids":{"type":"array","items":{"$ref":"#/$defs/t"}}},"required":["name","kids"]}}}`,
	"pattern":         `{"type":"string","pattern":"^[A-Za-z][A-Za-z0-9_ -]{0,200}$"}`,
	"wide pattern":    `{"type":"string","pattern":"^[^@]+@[^@]+$","maxLength":5000}`,
	"search":          `{"type":"string","pattern":"needle"}`,
	"not a word":      `{"type":"string","pattern":"^(?!.*password).*$","maxLength":300}`,
	"dates":           `{"type":"array","items":{"type":"string","format":"date-time"}}`,
	"numbers":         `{"type":"array","items":{"type":"number","minimum":-1.5,"maximum":1000}}`,
	"union":           `{"type":"array","items":{"anyOf":[{"type":"string","maxLength":64},{"type":"number"},{"type":"null"},{"type":"object","properties":{"type":{"const":"a"},"text":{"type":"string"}},"required":["type","text"]},{"type":"object","properties":{"type":{"const":"b"},"n":{"type":"integer"}},"required":["type","n"]}]}}`,
	"matrix":          `{"type":"array","minItems":100,"maxItems":1000,"items":{"type":"array","items":{"type":"integer"},"minItems":8,"maxItems":8}}`,
	"set":             `{"type":"array","uniqueItems":true,"items":{"enum":[` + numbered(40, `"tag %d"`) + `]}}`,
}

func numbered(n int, format string) string {
	var parts []string
	for i := range n {
		parts = append(parts, fmt.Sprintf(format, i))
	}
	return strings.Join(parts, ",")
}

// realPieces are pieces of real vocabularies, n together; the end is the last.
func realPieces(tb testing.TB, n int) [][]byte {
	seen := map[string]bool{}
	var pieces [][]byte
	for _, name := range []string{"gpt-2", "falcon", "baichuan", "deepseek-coder", "llama-spm"} {
		tok := realTokenizer(tb, name)
		for t := range tokenizer.Token(200_000) { // pieces of tokens that are not there are empty
			p := tok.Piece(t, false)
			if len(pieces) < n-1 && len(p) > 0 && !seen[string(p)] {
				seen[string(p)] = true
				pieces = append(pieces, p)
			}
		}
	}
	for i := 0; len(pieces) < n-1; i++ { // the rest are pairs of them
		if p := slices.Concat(pieces[1000+i], pieces[3000+i]); !seen[string(p)] {
			seen[string(p)] = true
			pieces = append(pieces, p)
		}
	}
	return append(pieces, nil)
}

func realTokenizer(tb testing.TB, name string) *tokenizer.Tokenizer {
	f, err := os.Open(testdata.Shared(tb, "golden", "tokenizer", "vocab", name+".gguf.gz"))
	require.NoError(tb, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(tb, err)
	path := filepath.Join(tb.TempDir(), name+".gguf")
	out, err := os.Create(path)
	require.NoError(tb, err)
	_, err = io.Copy(out, z)
	require.NoError(tb, err)
	require.NoError(tb, out.Close())
	tok, err := runtime.LoadTokenizer(path)
	require.NoError(tb, err)
	return tok
}

// BenchmarkMasks measures what each mask over 128k tokens of real vocabularies
// takes of a CPU along texts that random choices write, from a grammar just compiled: new
// states are those at which no text has been.
func BenchmarkMasks(b *testing.B) {
	pieces := realPieces(b, 128_256)
	end := int32(len(pieces) - 1)
	start := time.Now()
	v := grammar.NewVocab(pieces, []int32{end})
	b.Logf("%d tokens, prepared in %v", len(pieces), time.Since(start).Round(time.Millisecond))
	var all []time.Duration
	for _, name := range sortedNames(maskSchemas) {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			var compile time.Duration
			for range b.N {
				start := time.Now()
				g, err := grammar.CompileSchema([]byte(maskSchemas[name]))
				compile += time.Since(start)
				require.NoError(b, err)
				r := rand.New(rand.NewPCG(1, 2))
				for range 4 {
					took = append(took, maskTimes(b, g, v, pieces, r)...)
				}
			}
			b.ReportMetric(float64(compile.Milliseconds())/float64(b.N), "compile-ms")
			reportTimes(b, took)
			all = append(all, took...)
		})
	}
	b.Run("all", func(b *testing.B) { reportTimes(b, all) })
}

func sortedNames(m map[string]string) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func maskTimes(b *testing.B, g *grammar.Grammar, v *grammar.Vocab, pieces [][]byte, r *rand.Rand) (took []time.Duration) {
	m, err := g.NewMatcher(v)
	require.NoError(b, err)
	var allowed []int32
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	for range 60 {
		start := threadTime()
		mask, err := m.Mask()
		took = append(took, threadTime()-start)
		require.NoError(b, err)
		allowed = allowed[:0]
		for i, w := range mask {
			for ; w != 0; w &= w - 1 {
				allowed = append(allowed, int32(64*i+bits.TrailingZeros64(w)))
			}
		}
		id := allowed[r.IntN(len(allowed))]
		if int(id) == len(pieces)-1 {
			break
		}
		require.NoError(b, m.Accept(id, pieces[id], false))
		if m.Final() {
			break
		}
	}
	return took
}

// threadTime is what this thread has computed so far: other work on the machine
// does not count.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}

func reportTimes(b *testing.B, took []time.Duration) {
	took = slices.Sorted(slices.Values(took))
	if len(took) == 0 {
		return
	}
	at := func(p float64) float64 { return float64(took[int(p*float64(len(took)-1))].Nanoseconds()) / 1000 }
	b.ReportMetric(at(0.5), "p50-µs")
	b.ReportMetric(at(0.99), "p99-µs")
	b.ReportMetric(at(1), "max-µs")
}
