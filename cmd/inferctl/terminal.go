package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/term"
)

// isTerminal reports whether f is one.
func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// terminalSafe replaces control characters, so that what a model writes can
// neither move the cursor nor command the terminal.
func terminalSafe(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// console reads edited lines from a terminal that stays in raw mode, so that
// Ctrl-C is a key like any other: it clears the line that is being edited, and
// while interruptible runs something it cancels that. The signal never occurs,
// so nothing else in the process group is hit by it.
type console struct {
	*term.Terminal
	restore func()
	keys    *keyboard
}

// openConsole takes over standard input and output until close.
func openConsole(ctx context.Context) (*console, error) {
	fd := int(os.Stdin.Fd())
	state, err := term.MakeRaw(fd)
	if err != nil {
		return nil, err
	}
	keys := newKeyboard(ctx, os.Stdin)
	c := &console{
		Terminal: term.NewTerminal(struct {
			io.Reader
			io.Writer
		}{keys, os.Stdout}, "> "),
		keys: keys,
	}
	c.SetBracketedPasteMode(true)
	c.restore = func() {
		c.SetBracketedPasteMode(false)
		_ = term.Restore(fd, state)
	}
	return c, nil
}

// readMessage reads a line, or all lines of a paste up to the one that Enter
// ends. It returns io.EOF at the end of input.
func (c *console) readMessage() (string, error) {
	if width, height, err := term.GetSize(int(os.Stdin.Fd())); err == nil && width > 0 {
		_ = c.SetSize(width, height)
	}
	var lines []string
	for {
		line, err := c.ReadLine()
		switch {
		case err == nil:
			return strings.Join(append(lines, line), "\n"), nil
		case errors.Is(err, term.ErrPasteIndicator):
			lines = append(lines, line)
		default:
			return "", err
		}
	}
}

// interruptible runs work with a context that Ctrl-C cancels.
func (c *console) interruptible(ctx context.Context, work func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.keys.onInterrupt(cancel)
	defer c.keys.onInterrupt(nil)
	return work(ctx)
}

// Keys as the terminal sends them in raw mode.
const (
	ctrlC = 3
	// clearLine is Ctrl-E, Ctrl-U: to the end of the line, then delete all of it.
	clearLine = "\x05\x15"
	// leave is Ctrl-D on an empty line.
	leave = clearLine + "\x04"
)

// keyboard hands typed bytes to the line editor, except Ctrl-C.
type keyboard struct {
	ctx   context.Context
	input chan []byte // closed at the end of input
	rest  []byte      // of the last chunk, belongs to the reader
	again bool        // the last key was a Ctrl-C at the prompt; belongs to the goroutine

	mu        sync.Mutex
	interrupt func() // guarded by mu; nil while a line is edited
}

// newKeyboard starts the goroutine that reads from f. It ends with the input
// or, since a blocked read cannot be cancelled, with the process.
func newKeyboard(ctx context.Context, f io.Reader) *keyboard {
	k := &keyboard{ctx: ctx, input: make(chan []byte, 64)}
	go func() {
		defer close(k.input)
		buf := make([]byte, 256)
		for {
			n, err := f.Read(buf)
			k.deliver(buf[:n])
			if err != nil {
				return
			}
		}
	}()
	return k
}

// onInterrupt says what Ctrl-C does from now on; nil: it clears the line.
func (k *keyboard) onInterrupt(do func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.interrupt = do
}

// deliver passes typed bytes on, or acts on a Ctrl-C among them: the second
// one in a row at the prompt leaves. While something runs that Ctrl-C
// interrupts, nobody may be reading: keys beyond what the channel holds are
// dropped then, so that Ctrl-C is always seen.
func (k *keyboard) deliver(typed []byte) {
	k.mu.Lock()
	interrupt := k.interrupt
	k.mu.Unlock()
	pressed := bytes.IndexByte(typed, ctrlC) >= 0
	again := k.again
	k.again = pressed && interrupt == nil
	switch {
	case pressed && interrupt != nil:
		interrupt() // and what was typed ahead of it is not wanted either
	case pressed && again:
		k.input <- []byte(leave)
	case pressed:
		k.input <- bytes.ReplaceAll(typed, []byte{ctrlC}, []byte(clearLine))
	case interrupt != nil:
		select {
		case k.input <- bytes.Clone(typed):
		default:
		}
	case len(typed) > 0:
		k.input <- bytes.Clone(typed)
	}
}

// Read implements io.Reader.
func (k *keyboard) Read(p []byte) (int, error) {
	if len(k.rest) == 0 {
		select {
		case typed, ok := <-k.input:
			if !ok {
				return 0, io.EOF
			}
			k.rest = typed
		case <-k.ctx.Done():
			return 0, io.EOF
		}
	}
	n := copy(p, k.rest)
	k.rest = k.rest[n:]
	return n, nil
}
