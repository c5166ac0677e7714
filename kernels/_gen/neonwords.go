package main

// neonFormat is what the arm64 products need to know beyond panelFormat.
type neonFormat struct {
	mask  int   // the one byte mask that word needs
	order []int // of the words of a group: those that share bytes are neighbours
	word  func(a *neon, j, g, v int)
}

var (
	ascending = []int{0, 1, 2, 3, 4, 5, 6, 7}
	halves    = []int{0, 4, 1, 5, 2, 6, 3, 7}
)

// neonFormats has the word functions: they emit what turns the raw bytes of
// word g, values 4g to 4g+3, of group j of the chunk at gW into one byte per
// value in register w(v), for four rows. Tables hold the signed values, so that
// their formats have no offset here.
var neonFormats = map[string]neonFormat{
	"Q8_0":    {0x80, ascending, (*neon).byteWord},
	"Q4_0":    {0x0f, halves, (*neon).nibbleWord},
	"Q4_1":    {0x0f, halves, (*neon).nibbleWord},
	"Q5_0":    {0x1f, ascending, (*neon).fiveWord},
	"Q5_1":    {0x1f, ascending, (*neon).fiveWord},
	"IQ4_NL":  {0x0f, halves, (*neon).nibbleWord},
	"MXFP4":   {0x0f, halves, (*neon).nibbleWord},
	"NVFP4":   {0x0f, []int{0, 2, 1, 3, 4, 6, 5, 7}, (*neon).nvfp4Word},
	"Q1_0":    {0x02, ascending, (*neon).bitWord},
	"Q2_0":    {0x03, ascending, (*neon).crumbWord},
	"Q4_K":    {0x0f, halves, (*neon).nibbleWord},
	"Q5_K":    {0x1f, ascending, (*neon).fiveWord},
	"Q6_K":    {0x3f, ascending, (*neon).sixKWord},
	"Q2_K":    {0x03, ascending, (*neon).crumbWord},
	"Q3_K":    {0x07, ascending, (*neon).threeKWord},
	"TQ2_0":   {0x03, ascending, (*neon).crumbWord},
	"IQ4_XS":  {0x0f, halves, (*neon).nibbleWord},
	"IQ1":     {0x0f, ascending, (*neon).nibbleWord},
	"IQ2":     {0x0f, ascending, (*neon).nibbleWord},
	"IQ3_XXS": {0x0f, ascending, (*neon).nibbleWord},
	"IQ3_S":   {0x0f, ascending, (*neon).nibbleWord},
}

// byteWord reads whole bytes, offset 128, and takes the offset off.
func (a *neon) byteWord(_, g, v int) { a.eor(a.w(v), a.rawWord(g, v), a.mask()) }

func (a *neon) nibbleWord(j, g, v int) {
	a.bits(4*j+g%4, g/4*4, 4, v)
	a.lookUp(v)
}

// nvfp4Word reads the nibbles of two words for 16 values: low ones, then high
// ones.
func (a *neon) nvfp4Word(j, g, v int) {
	a.bits(4*j+g/4*2+g%2, g%4/2*4, 4, v)
	a.lookUp(v)
}

func (a *neon) crumbWord(j, g, v int) { a.bits(2*j+g/4, g%4*2, 2, v) }

// bitWord reads bit g of word j as 0 or 2.
func (a *neon) bitWord(j, g, v int) {
	raw := a.rawWord(j, v)
	switch {
	case g == 0:
		a.shl(b16, a.w(v), raw, 1)
		raw = a.w(v)
	case g > 1:
		a.ushr(b16, a.w(v), raw, g-1)
		raw = a.w(v)
	}
	a.and(a.w(v), raw, a.mask())
}

// fiveWord reads word g of eight whose fold (foldFives) lies in five words.
func (a *neon) fiveWord(j, g, v int) {
	word := func(n int) int { return 5*j + n }
	w, t := a.w(v), a.tmp()
	if g < 5 {
		a.bits(word(g), 0, 5, v)
		return
	}
	top := 2 * (g - 5)
	a.load(word(top), v, w)
	a.ushr(b16, w, w, 5)
	if g < 7 {
		a.load(word(top+1), v, t)
		a.ushr(b16, t, t, 5)
		a.sli(b16, w, t, 3)
		a.and(w, w, a.mask())
		return
	}
	for bit, n := range []int{1, 3} {
		a.load(word(n), v, t)
		a.ushr(b16, t, t, 7)
		a.sli(b16, w, t, 3+bit)
	}
}

// sixKWord reads the low 6 bits of four words for each of three 16s, and for the
// last 16 of 64 gathers what is above them.
func (a *neon) sixKWord(j, g, v int) {
	n := 2*j + g/4
	g %= 4
	if n < 3 {
		a.bits(4*n+g, 0, 6, v)
		return
	}
	w, t := a.w(v), a.tmp()
	a.load(8+g, v, w)
	a.load(4+g, v, t)
	a.sri(b16, w, t, 2)
	a.load(g, v, t)
	a.sri(b16, w, t, 4)
	a.ushr(b16, w, w, 2)
}

// threeKWord reads word g of eight from their fold; see foldThrees.
func (a *neon) threeKWord(j, g, v int) {
	word := func(n int) int { return 3*j + n }
	if g < 6 {
		a.bits(word(g/2), g%2*3, 3, v)
		return
	}
	w, t := a.w(v), a.tmp()
	a.load(word((g-6)*2), v, w)
	a.ushr(b16, w, w, 6)
	a.load(word(1), v, t)
	a.ushr(b16, t, t, g)
	a.sli(b16, w, t, 2)
	if g == 6 {
		a.and(w, w, a.mask())
	}
}

// bits reads n bits from bit position from of every byte of a word.
func (a *neon) bits(word, from, n, v int) {
	raw, w := a.rawWord(word, v), a.w(v)
	if from > 0 {
		a.ushr(b16, w, raw, from)
		raw = w
	}
	if from+n < 8 {
		a.and(w, raw, a.mask())
	}
}

// lookUp replaces codes by the format's table entries, where it has a table.
func (a *neon) lookUp(v int) {
	if a.f.table != nil {
		a.tbl(a.w(v), a.table(), a.w(v))
	}
}

// rawWord is the register with a word of the body for the rows of v. It loads
// all rows of the pass where the registers hold another word.
func (a *neon) rawWord(word, v int) vreg {
	if a.held != word {
		for i := 0; i < a.nv; i += 2 {
			a.loadPair(gW, 64*word+16*i, a.raw(i), a.raw(i+1))
		}
		a.held = word
	}
	return a.raw(v)
}

// load reads a word for the rows of v alone.
func (a *neon) load(word, v int, to vreg) { a.loadQ(gW, 64*word+16*v, to) }
