package tokenizer_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"inferd/testdata"
	"inferd/tokenizer"
)

// BenchmarkEncode encodes prose with real vocabularies.
func BenchmarkEncode(b *testing.B) {
	text, err := os.ReadFile(testdata.Shared(b, "text", "tinystories_1000.txt"))
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range goldenVocabs {
		tok := newTokenizer(b, loadVocab(b, testdata.Shared(b, "golden", "tokenizer", "vocab", name+".gguf.gz")))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			var dst []tokenizer.Token
			for b.Loop() {
				dst = tok.AppendEncode(dst[:0], text, tokenizer.EncodeOptions{})
			}
		})
	}
}

// BenchmarkDoubling reports how much longer twice the text takes, for texts
// that invite quadratic time; 16 MiB is the larger one.
func BenchmarkDoubling(b *testing.B) {
	const n = 8 << 20
	for _, name := range []string{"llama-spm", "gpt-2", "bert-bge"} {
		tok := newTokenizer(b, loadVocab(b, testdata.Shared(b, "golden", "tokenizer", "vocab", name+".gguf.gz")))
		for _, unit := range []string{"a", " ", "😀"} {
			b.Run(name+"/"+unit, func(b *testing.B) {
				var dst []tokenizer.Token
				encode := func(size int) time.Duration {
					text := bytes.Repeat([]byte(unit), size/len(unit))
					start := time.Now()
					dst = tok.AppendEncode(dst[:0], text, tokenizer.EncodeOptions{})
					return time.Since(start)
				}
				encode(2 * n)
				var once, twice time.Duration
				for b.Loop() {
					once += encode(n)
					twice += encode(2 * n)
				}
				b.ReportMetric(float64(twice)/float64(once), "x/doubling")
				b.SetBytes(3 * n)
			})
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for _, name := range goldenVocabs {
		v := loadVocab(b, testdata.Shared(b, "golden", "tokenizer", "vocab", name+".gguf.gz"))
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				newTokenizer(b, v)
			}
		})
	}
}
