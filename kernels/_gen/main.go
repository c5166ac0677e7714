// Command gen writes the assembly of package kernels and the Go declarations
// of its functions. Run it in this folder: go run . With the argument counts it
// writes instruction counts of what is there for arm64 instead.
package main

import (
	"bytes"
	"fmt"
	"go/format"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/pass"
	"github.com/mmcloughlin/avo/printer"
)

// outputs are the pairs of files to write, <name>_amd64.s and .go.
var outputs = []struct {
	name string
	emit func(*build.Context)
}{
	{"avx2_matmul", func(c *build.Context) { emitMatMul256(c, "AVX2", false) }},
	{"avxvnni_matmul", func(c *build.Context) { emitMatMul256(c, "AVXVNNI", true) }},
	{"avx512_matmul", emitMatMul512},
	{"amx_matmul", emitAMX},
	{"avx2_vector", func(c *build.Context) { newLanes(c, avx2).vectors() }},
	{"avx512_vector", func(c *build.Context) { newLanes(c, avx512).vectors() }},
	{"avx2_attention", func(c *build.Context) { emitAttention(newLanes(c, avx2)) }},
	{"avx512_attention", func(c *build.Context) { emitAttention(newLanes(c, avx512)) }},
	{"avx2_recurrent", func(c *build.Context) { newLanes(c, avx2).recurrent() }},
	{"avx512_recurrent", func(c *build.Context) { newLanes(c, avx512).recurrent() }},
}

func main() {
	if slices.Equal(os.Args[1:], []string{"counts"}) {
		if err := writeCounts(os.Stdout, ".."); err != nil {
			fmt.Fprintf(os.Stderr, "gen: counts: %v\n", err)
			os.Exit(1)
		}
		return
	}
	for _, o := range outputs {
		if err := generate(o.name, o.emit); err != nil {
			fmt.Fprintf(os.Stderr, "gen: %s: %v\n", o.name, err)
			os.Exit(1)
		}
	}
	if err := generateNEON(); err != nil {
		fmt.Fprintf(os.Stderr, "gen: arm64: %v\n", err)
		os.Exit(1)
	}
}

// generate runs emit and writes ../name_amd64.s and ../name_amd64.go.
func generate(name string, emit func(*build.Context)) error {
	c := build.NewContext()
	c.ConstraintExpr("!noasm")
	emit(c)
	file, err := c.Result()
	if err != nil {
		return err
	}
	if err := pass.Compile.Execute(file); err != nil {
		return err
	}
	cfg := printer.Config{Name: "kernels/_gen", Pkg: "kernels"}
	code, err := printer.NewGoAsm(cfg).Print(file)
	if err != nil {
		return err
	}
	if err := checkRegisters(name, code); err != nil {
		return err
	}
	stubs, err := printer.NewStubs(cfg).Print(file)
	if err != nil {
		return err
	}
	base := filepath.Join("..", name+"_amd64")
	if err := os.WriteFile(base+".s", code, 0o644); err != nil {
		return err
	}
	if stubs, err = format.Source(stubs); err != nil {
		return err
	}
	return os.WriteFile(base+".go", append(bytes.TrimSpace(stubs), '\n'), 0o644)
}

var (
	evexRegister = regexp.MustCompile(`\b(Z\d+|[XY](1[6-9]|2\d|3[01])|K[0-7])\b`)
	levelAVX2    = regexp.MustCompile(`^avx(2|vnni)_`)
)

// checkRegisters makes sure that the levels without AVX-512 use no register
// that only AVX-512 instructions can name: the assembler would encode those
// silently.
func checkRegisters(name string, code []byte) error {
	if !levelAVX2.MatchString(name) {
		return nil
	}
	for _, f := range bytes.Split(code, []byte("\nTEXT "))[1:] {
		if r := evexRegister.Find(f); r != nil {
			text, _, _ := bytes.Cut(f, []byte("("))
			return fmt.Errorf("%s uses register %s, which needs AVX-512", text, r)
		}
	}
	return nil
}
