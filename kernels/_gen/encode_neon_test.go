package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestNEONWords compares one word of every encoding with what GNU as emits for
// the mnemonic.
func TestNEONWords(t *testing.T) {
	for _, c := range []struct {
		want uint32
		emit func(a *neon)
	}{
		{0x4fbfea41, func(a *neon) { a.sdot(1, 18, 31, 3) }},
		{0x4fb1e05f, func(a *neon) { a.sdot(31, 2, 17, 1) }},
		{0x0e3fc241, func(a *neon) { a.smull(1, 18, 31) }},
		{0x4e3fc241, func(a *neon) { a.smull2(1, 18, 31) }},
		{0x0e3f8241, func(a *neon) { a.smlal(1, 18, 31) }},
		{0x4e3f8241, func(a *neon) { a.smlal2(1, 18, 31) }},
		{0x4e602a41, func(a *neon) { a.saddlp(1, 18) }},
		{0x4e606a41, func(a *neon) { a.sadalp(1, 18) }},
		{0x4ebf8641, func(a *neon) { a.add(1, 18, 31) }},
		{0x4ebfbe41, func(a *neon) { a.addp(1, 18, 31) }},
		{0x4ebf9641, func(a *neon) { a.mla(1, 18, 31) }},
		{0x6ebf6641, func(a *neon) { a.umax(1, 18, 31) }},
		{0x4e3f1e41, func(a *neon) { a.and(1, 18, 31) }},
		{0x6e3f1e41, func(a *neon) { a.eor(1, 18, 31) }},
		{0x0f5f2a41, func(a *neon) { a.smlalHalf(1, 18, 15, 5) }},
		{0x0f69205f, func(a *neon) { a.smlalHalf(31, 2, 9, 2) }},
		{0x4f9f9a41, func(a *neon) { a.fmulElement(1, 18, 31, 2) }},
		{0x4fbf1241, func(a *neon) { a.fmlaElement(1, 18, 31, 1) }},
		{0x4e3fce41, func(a *neon) { a.fmla(1, 18, 31) }},
		{0x4ebfce41, func(a *neon) { a.fmls(1, 18, 31) }},
		{0x4e21da41, func(a *neon) { a.scvtf(1, 18) }},
		{0x4e21aa41, func(a *neon) { a.fcvtns(1, 18) }},
		{0x0e217a41, func(a *neon) { a.fcvtl(1, 18) }},
		{0x4e217a41, func(a *neon) { a.fcvtl2(1, 18) }},
		{0x2e613a41, func(a *neon) { a.shll(1, 18) }},
		{0x6e613a41, func(a *neon) { a.shll2(1, 18) }},
		{0x2f10a641, func(a *neon) { a.uxtl(1, 18) }},
		{0x0f10a641, func(a *neon) { a.sxtl(1, 18) }},
		{0x0e612a41, func(a *neon) { a.xtn(h4, s4, 1, 18) }},
		{0x4e612a41, func(a *neon) { a.xtn(h8, s4, 1, 18) }},
		{0x0e212a41, func(a *neon) { a.xtn(b8, h8, 1, 18) }},
		{0x4e212a41, func(a *neon) { a.xtn(b16, h8, 1, 18) }},
		{0x6f080641, func(a *neon) { a.ushr(b16, 1, 18, 8) }},
		{0x2f1f0641, func(a *neon) { a.ushr(h4, 1, 18, 1) }},
		{0x0f100641, func(a *neon) { a.sshr(h4, 1, 18, 16) }},
		{0x0f1f5641, func(a *neon) { a.shl(h4, 1, 18, 15) }},
		{0x4f215641, func(a *neon) { a.shl(s4, 1, 18, 1) }},
		{0x4f095641, func(a *neon) { a.shl(b16, 1, 18, 1) }},
		{0x6f0f5641, func(a *neon) { a.sli(b16, 1, 18, 7) }},
		{0x6f0e4641, func(a *neon) { a.sri(b16, 1, 18, 2) }},
		{0x2f07b7f1, func(a *neon) { a.evenBytes(17) }},
		{0x4f05e4b1, func(a *neon) { a.movi(17, 0xa5) }},
		{0x4e1c0641, func(a *neon) { a.dup(1, 18, 3) }},
		{0x4eb21e41, func(a *neon) { a.mov(1, 18) }},
		{0x4e1f0241, func(a *neon) { a.tbl(1, 18, 31) }},
		{0x6eb0aa41, func(a *neon) { a.umaxv(1, 18) }},
		{0x4eb1ba41, func(a *neon) { a.addv(1, 18) }},
		{0x4e303a41, func(a *neon) { a.saddlv(1, 18) }},
		{0x6ebf8641, func(a *neon) { a.sub(1, 18, 31) }},
		{0x4ebf3641, func(a *neon) { a.cmgt(1, 18, 31) }},
		{0x4ebf1e41, func(a *neon) { a.orr(1, 18, 31) }},
		{0x6e205a41, func(a *neon) { a.mvn(1, 18) }},
		{0x6e7f1e41, func(a *neon) { a.bsl(1, 18, 31) }},
		{0x6ebf1e41, func(a *neon) { a.bit(1, 18, 31) }},
		{0x4e9f1a41, func(a *neon) { a.uzp1(1, 18, 31) }},
		{0x4e9f5a41, func(a *neon) { a.uzp2(1, 18, 31) }},
		{0x4e9f3a41, func(a *neon) { a.zip1(1, 18, 31) }},
		{0x4e9f7a41, func(a *neon) { a.zip2(1, 18, 31) }},
		{0x6e1f5a41, func(a *neon) { a.ext(1, 18, 31, 11) }},
		{0x4f9f5a41, func(a *neon) { a.fmlsElement(1, 18, 31, 2) }},
		{0x4e3fd641, func(a *neon) { a.fadd(1, 18, 31) }},
		{0x4ebfd641, func(a *neon) { a.fsub(1, 18, 31) }},
		{0x6e3fde41, func(a *neon) { a.fmul(1, 18, 31) }},
		{0x6e3ffe41, func(a *neon) { a.fdiv(1, 18, 31) }},
		{0x6ea0fa41, func(a *neon) { a.fneg(1, 18) }},
		{0x4e3ff641, func(a *neon) { a.fmax(1, 18, 31) }},
		{0x4ebff641, func(a *neon) { a.fmin(1, 18, 31) }},
		{0x4e3fe641, func(a *neon) { a.fcmeq(1, 18, 31) }},
		{0x6ebfe641, func(a *neon) { a.fcmgt(1, 18, 31) }},
		{0x0e216a41, func(a *neon) { a.fcvtn(1, 18) }},
		{0x4e216a41, func(a *neon) { a.fcvtn2(1, 18) }},
	} {
		var a neon
		c.emit(&a)
		if got := strings.TrimSpace(a.text.String()); !strings.HasPrefix(got, fmt.Sprintf("WORD $0x%08x ", c.want)) {
			t.Errorf("got %s, want word 0x%08x", got, c.want)
		}
	}
}

// TestNEONRanges: what no instruction can name is refused.
func TestNEONRanges(t *testing.T) {
	for name, emit := range map[string]func(a *neon){
		"register 32":        func(a *neon) { a.add(32, 0, 0) },
		"register -1":        func(a *neon) { a.sdot(0, -1, 0, 0) },
		"element 4":          func(a *neon) { a.sdot(0, 0, 0, 4) },
		"half of register":   func(a *neon) { a.smlalHalf(0, 0, 16, 0) },
		"half 8":             func(a *neon) { a.smlalHalf(0, 0, 0, 8) },
		"right shift by 0":   func(a *neon) { a.ushr(b16, 0, 0, 0) },
		"right shift by 9":   func(a *neon) { a.sri(b16, 0, 0, 9) },
		"left shift by 8":    func(a *neon) { a.sli(b16, 0, 0, 8) },
		"no byte":            func(a *neon) { a.movi(0, 256) },
		"element 4 of dup":   func(a *neon) { a.dup(0, 0, 4) },
		"byte 16 of ext":     func(a *neon) { a.ext(0, 0, 0, 16) },
		"narrowing by three": func(a *neon) { a.xtn(b8, s4, 0, 0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was encoded", name)
				}
			}()
			emit(&neon{})
		}()
	}
}

var wordLine = regexp.MustCompile(`(?m)^\tWORD \$0x([0-9a-f]{8}) // (.*)$`)

// TestNEONDisassembly takes every word of the generated files to objdump, which
// must print the mnemonic beside it.
func TestNEONDisassembly(t *testing.T) {
	objdump, err := exec.LookPath("aarch64-linux-gnu-objdump")
	if err != nil {
		t.Skip("binutils-aarch64-linux-gnu is not installed")
	}
	files, err := filepath.Glob("../neon*_arm64.s")
	if err != nil || len(files) == 0 {
		t.Fatalf("no generated files: %v", err)
	}
	mnemonics := map[uint32]string{}
	var words []uint32
	for _, name := range files {
		code, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range wordLine.FindAllStringSubmatch(string(code), -1) {
			w, err := strconv.ParseUint(m[1], 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			if _, seen := mnemonics[uint32(w)]; !seen {
				mnemonics[uint32(w)] = m[2]
				words = append(words, uint32(w))
			}
		}
	}
	got := disassemble(t, objdump, words)
	if len(got) != len(words) {
		t.Fatalf("%d words, %d instructions", len(words), len(got))
	}
	for i, w := range words {
		if got[i] != mnemonics[w] {
			t.Errorf("0x%08x is %q, the file says %q", w, got[i], mnemonics[w])
		}
	}
}

// disassemble returns the instructions of words as objdump prints them.
func disassemble(t *testing.T, objdump string, words []uint32) (list []string) {
	file := filepath.Join(t.TempDir(), "words")
	var code []byte
	for _, w := range words {
		code = binary.LittleEndian.AppendUint32(code, w)
	}
	if err := os.WriteFile(file, code, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(objdump, "-D", "-z", "-b", "binary", "-m", "aarch64", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		columns := strings.Split(strings.TrimSpace(line), "\t")
		if len(columns) >= 3 && strings.HasSuffix(columns[0], ":") {
			list = append(list, strings.Join(columns[2:], " "))
		}
	}
	return list
}
