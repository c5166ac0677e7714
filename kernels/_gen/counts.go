package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Instruction counts of the arm64 kernels: a walk through the generated code
// that follows its loops and counts. What a kernel takes for a unit of its work
// is the difference between two units and one.

// neonCode is the functions of the generated files, by name.
type neonCode map[string][]string

func readNEON(dir string) (neonCode, error) {
	files, err := filepath.Glob(filepath.Join(dir, "neon*_arm64.s"))
	if err != nil {
		return nil, err
	}
	code := neonCode{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		for _, f := range strings.Split(string(text), "\nTEXT ·")[1:] {
			name, body, _ := strings.Cut(f, "(SB)")
			code[name] = strings.Split(body, "\n")[1:]
		}
	}
	return code, nil
}

// walker follows the code of one call. It knows the general registers that
// depend on nothing but counts.
type walker struct {
	regs          map[string]int64
	flags         int64
	known         bool // the flags are
	all, products int
	arithmetic    int
}

// count walks name with the parameters that end in any of sizes set to n; all
// others are 1.
func (c neonCode) count(name string, sizes []string, n int64, columns int64) (*walker, error) {
	lines := c[name]
	if lines == nil {
		return nil, fmt.Errorf("no function %s", name)
	}
	labels := map[string]int{}
	for i, l := range lines {
		if label, ok := strings.CutSuffix(l, ":"); ok {
			labels[label] = i
		}
	}
	w := &walker{regs: map[string]int64{"ZR": 0}}
	param := func(name string) int64 {
		switch {
		case slices.Contains(sizes, name):
			return n
		case name == "nCols":
			return columns
		case strings.HasSuffix(name, "_len"):
			return 16
		}
		return 1
	}
	for i := 0; i < len(lines) && w.all < 1<<20; i++ {
		line := strings.TrimSpace(lines[i])
		if line == "RET" {
			return w, nil
		}
		if line == "" || strings.HasPrefix(line, "//") || strings.HasSuffix(line, ":") {
			continue
		}
		target, err := w.step(line, param)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, line, err)
		}
		if target != "" {
			i = labels[target]
		}
	}
	return nil, fmt.Errorf("%s does not end", name)
}

// moves are the vector instructions that compute nothing.
var moves = []string{"mov", "movi", "dup", "ext", "uzp1", "uzp2", "zip1", "zip2", "xtn", "xtn2", "tbl"}

// step counts an instruction and returns the label to go on at, if any.
func (w *walker) step(line string, param func(string) int64) (target string, err error) {
	op, rest, _ := strings.Cut(line, " ")
	w.all++
	if op == "WORD" {
		_, mnemonic, _ := strings.Cut(rest, "// ")
		name, _, _ := strings.Cut(mnemonic, " ")
		switch {
		case name == "sdot" || strings.HasPrefix(name, "smull") || strings.HasPrefix(name, "smlal") && !strings.Contains(mnemonic, ".h["):
			w.products++
			w.arithmetic++
		case !slices.Contains(moves, name):
			w.arithmetic++
		}
		return "", nil
	}
	args := strings.Split(rest, ", ")
	dst := args[len(args)-1]
	switch op {
	case "B":
		return args[0], nil
	case "BEQ", "BNE", "BLT", "BGE", "BGT", "BLO":
		return w.branch(op, args[0]), nil
	case "CBZ", "CBNZ", "CBNZW":
		v, known := w.regs[args[0]]
		if known && (v == 0) == (op == "CBZ") {
			return args[1], nil
		}
	case "MOVD", "MOVW", "MOVBU", "MOVH":
		switch name, _, isParam := strings.Cut(args[0], "+"); {
		case isParam && strings.HasSuffix(args[0], "(FP)"):
			w.regs[dst] = param(name)
		case strings.HasSuffix(args[0], "(SB)"):
			w.all++ // ADRP and ADD
			delete(w.regs, dst)
		default:
			w.set(dst, args[0])
		}
	case "CMP":
		w.compare(args[1], args[0])
	case "ADD", "SUB", "ADDS", "SUBS", "EOR", "LSL", "LSR":
		w.compute(strings.TrimSuffix(op, "S"), args)
		if strings.HasSuffix(op, "S") {
			w.flags, w.known = w.regs[dst], w.knows(dst)
		}
	case "CMPW", "FCMPS":
		w.known = false
	default:
		delete(w.regs, dst)
	}
	return "", nil
}

// branch takes conditions on data as the most common data has them: nothing
// found, nothing special.
func (w *walker) branch(op, label string) string {
	taken := strings.HasPrefix(label, "normal")
	if w.known {
		taken = map[string]bool{"BEQ": w.flags == 0, "BNE": w.flags != 0, "BLT": w.flags < 0, "BGE": w.flags >= 0, "BGT": w.flags > 0}[op]
	}
	if taken {
		return label
	}
	return ""
}

func (w *walker) knows(operand string) bool {
	_, ok := w.value(operand)
	return ok
}

func (w *walker) value(operand string) (int64, bool) {
	if number, ok := strings.CutPrefix(operand, "$"); ok {
		v, err := strconv.ParseInt(number, 0, 64)
		return v, err == nil
	}
	v, ok := w.regs[operand]
	return v, ok
}

func (w *walker) set(dst, from string) {
	if v, ok := w.value(from); ok {
		w.regs[dst] = v
	} else {
		delete(w.regs, dst)
	}
}

func (w *walker) compare(a, b string) {
	x, ok := w.value(a)
	y, ok2 := w.value(b)
	w.flags, w.known = x-y, ok && ok2
}

// compute does an operation of two or three operands, as Go writes them: the
// destination is last, and first of the two.
func (w *walker) compute(op string, args []string) {
	dst := args[len(args)-1]
	x, ok := w.value(args[len(args)-min(2, len(args)-1)])
	if len(args) == 2 {
		x, ok = w.value(dst)
	}
	y, ok2 := w.value(args[0])
	if !ok || !ok2 {
		delete(w.regs, dst)
		return
	}
	switch op {
	case "ADD":
		x += y
	case "SUB":
		x -= y
	case "EOR":
		x ^= y
	case "LSL":
		x <<= y
	case "LSR":
		x >>= y
	}
	w.regs[dst] = x
}

// perUnit is what a call with three units takes more than one with one, halved:
// blocks may lie in pairs.
func (c neonCode) perUnit(name string, sizes []string, unit, columns int64) (all, arithmetic, products int, err error) {
	few, err := c.count(name, sizes, unit, columns)
	if err != nil {
		return 0, 0, 0, err
	}
	more, err := c.count(name, sizes, 3*unit, columns)
	if err != nil {
		return 0, 0, 0, err
	}
	return (more.all - few.all) / 2, (more.arithmetic - few.arithmetic) / 2, (more.products - few.products) / 2, nil
}

// writeCounts writes the tables of SPEED.md.
func writeCounts(out io.Writer, dir string) error {
	code, err := readNEON(dir)
	if err != nil {
		return err
	}
	if err := code.writeProducts(out); err != nil {
		return err
	}
	return code.writeLanes(out)
}

func (c neonCode) writeProducts(out io.Writer) error {
	fmt.Fprintf(out, "| format | inputs | neondot, 1 column | 2 columns | 4 columns | neon, 1 column | 2 columns |\n|---|---|---|---|---|---|---|\n")
	for i, f := range slices.Concat(neonBlockFormats, superFormats) {
		inputs := 32 * f.groups()
		if i >= len(neonBlockFormats) {
			inputs = 256
		}
		fmt.Fprintf(out, "| %s | %d |", f.name, inputs)
		for _, l := range []struct {
			suffix  string
			columns []int64
		}{{"NEONDot", []int64{1, 2, 4}}, {"NEON", []int64{1, 2}}} {
			for _, columns := range l.columns {
				all, _, products, err := c.perUnit("gemv"+f.name+l.suffix, []string{"nBlocks"}, 1, columns)
				if err != nil {
					return err
				}
				fmt.Fprintf(out, " %d / %d |", all, products)
			}
		}
		fmt.Fprintln(out)
	}
	return nil
}

// writeLanes writes the counts of the kernels over float32, for 16 elements.
func (c neonCode) writeLanes(out io.Writer) error {
	fmt.Fprintf(out, "\n| kernel | for | all / arithmetic |\n|---|---|---|\n")
	names := make([]string, 0, len(c))
	for name := range c {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		unit, sizes, columns, what := lanesUnit(strings.TrimSuffix(name, "NEON"))
		if what == "" {
			continue
		}
		all, arithmetic, _, err := c.perUnit(name, sizes, unit, columns)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "| %s | %s | %d / %d |\n", strings.TrimSuffix(name, "NEON"), what, all, arithmetic)
	}
	return nil
}

// lanesUnit says what a unit of a kernel's work is; what is empty for those
// that this table leaves out.
func lanesUnit(name string) (unit int64, sizes []string, columns int64, what string) {
	switch {
	case strings.HasPrefix(name, "gemvF") || strings.HasPrefix(name, "gemvB"):
		return 4, []string{"n"}, 4, "4 inputs of 16 rows, 4 columns"
	case strings.HasPrefix(name, "gemv"):
		return 0, nil, 0, ""
	case strings.HasPrefix(name, "dot"):
		return 1, []string{"n"}, 1, "an element of every row, 16 lanes"
	case strings.HasPrefix(name, "quantize"):
		return 1, []string{"nBlocks"}, 1, "a block"
	case strings.HasPrefix(name, "rope"):
		return 16, []string{"cos_len"}, 1, "16 pairs"
	case name == "scan":
		return 256, []string{"n"}, 1, "256 bytes"
	case name == "peak" || name == "peakNEONDot":
		return 0, nil, 0, ""
	case name == "mambaToken" || name == "mamba2Token":
		return 1, []string{"b_len"}, 1, "a row of state, 16 channels"
	case name == "deltaToken":
		return 1, []string{"k_len"}, 1, "a row of state, 16 elements"
	}
	return 16, []string{"n", "x_len", "gate_len", "a_len", "acc_len"}, 1, "16 elements"
}
