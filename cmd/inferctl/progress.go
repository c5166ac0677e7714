package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/term"
)

// progress draws one line about long work on a terminal and wipes it at the
// end. Where standard error is no terminal every method does nothing. It
// belongs to one goroutine.
type progress struct {
	width int // columns of the terminal; 0 means silent
	what  string
	start time.Time
	drawn time.Time // when the line was last drawn; zero if never
}

const (
	// progressDelay keeps short work from flashing a line.
	progressDelay = 300 * time.Millisecond
	// progressEvery bounds how often the line is redrawn.
	progressEvery = 100 * time.Millisecond
	barColumns    = 24
)

// newProgress starts a progress line that begins with what.
func newProgress(what string) *progress {
	p := &progress{what: what, start: time.Now()}
	if fd := int(os.Stderr.Fd()); term.IsTerminal(fd) {
		width, _, _ := term.GetSize(fd)
		p.width = cmp.Or(width, 80) // some terminals do not know theirs
	}
	return p
}

// set shows that done of total units are finished; detail may add a figure.
func (p *progress) set(done, total int64, detail string) {
	now := time.Now()
	if p.width == 0 || total <= 0 || now.Sub(p.start) < progressDelay || now.Sub(p.drawn) < progressEvery {
		return
	}
	p.drawn = now
	share := min(1, float64(done)/float64(total))
	filled := int(share * barColumns)
	line := fmt.Sprintf("%s [%s%s] %3.0f %%", p.what, strings.Repeat("#", filled), strings.Repeat(".", barColumns-filled), 100*share)
	if left := now.Sub(p.start).Seconds() * (1 - share) / share; done > 0 && done < total {
		line += fmt.Sprintf(", %s left", time.Duration(left*float64(time.Second)).Round(time.Second))
	}
	if detail != "" {
		line += ", " + detail
	}
	// A line that wraps cannot be wiped by a carriage return.
	fmt.Fprintf(os.Stderr, "\r%.*s\x1b[K", p.width-1, line)
}

// end wipes the line.
func (p *progress) end() {
	if !p.drawn.IsZero() {
		fmt.Fprint(os.Stderr, "\r\x1b[K")
		p.drawn = time.Time{}
	}
}
