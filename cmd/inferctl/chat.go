package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

var chatCommand = &command{
	name:     "chat",
	synopsis: "[--socket S] [--model NAME] [--temperature T]",
	summary:  "talk with a model that a running daemon serves",
	details: `
Hold a conversation with a model through the daemon's socket. The answer
appears as it is made; Ctrl-C stops it, and Ctrl-D on an empty line leaves, or
Ctrl-C twice.
A line that begins with a slash is a command: /clear forgets the conversation,
/quit leaves.

If standard input is not a terminal, all of it is one message, and the answer
is printed and nothing else.`,
	define: func(fs *flag.FlagSet) runFunc {
		socket := fs.String("socket", "", "Unix socket `PATH` of the daemon; default: the user's own, else the system's")
		model := fs.String("model", "", "`NAME` of the model; default: the first that the daemon lists")
		temperature := fs.Float64("temperature", 1, "0 always takes the likeliest token; higher `T` varies more")
		return func(ctx context.Context, _ []string) error { return chat(ctx, *socket, *model, *temperature) }
	},
}

func chat(ctx context.Context, socket, model string, temperature float64) error {
	c := &conversation{client: newClient(socket), model: model, temperature: temperature}
	if model == "" {
		names, err := c.client.models(ctx)
		if err != nil {
			return err
		}
		if len(names) == 0 {
			return errors.New("the daemon serves no model")
		}
		c.model = names[0]
	}
	if isTerminal(os.Stdin) && isTerminal(os.Stdout) {
		return c.interactive(ctx)
	}
	return c.oneShot(ctx)
}

// conversation is a chat with one model and what was said so far.
type conversation struct {
	client      *client
	model       string
	temperature float64
	history     []message
}

// oneShot answers standard input. The answer's last line is ended if the model
// did not, so that it prints well; it is otherwise what the model wrote.
func (c *conversation) oneShot(ctx context.Context) error {
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	text := strings.TrimSuffix(string(input), "\n")
	answer, _, err := c.say(ctx, os.Stdout, text)
	if answer != "" && !strings.HasSuffix(answer, "\n") {
		fmt.Println()
	}
	return err
}

// say sends text as the user's next turn and copies the answer to w while it
// arrives. What was answered until an error or an interrupt stays in the
// history; a turn without any answer leaves no trace in it. Blanks that the
// answer begins with, as many vocabularies make them, are not shown.
func (c *conversation) say(ctx context.Context, w io.Writer, text string) (answer, finish string, err error) {
	clean := func(s string) string { return s }
	if isTerminal(os.Stdout) {
		clean = terminalSafe
	}
	var b strings.Builder
	shown := false
	messages := append(slices.Clone(c.history), message{"user", text})
	req := chatRequest{Model: c.model, Messages: messages, Temperature: c.temperature}
	end, err := c.client.chat(ctx, req, func(piece string) error {
		b.WriteString(piece)
		if !shown {
			piece = strings.TrimLeft(piece, " \n")
			shown = piece != ""
		}
		_, err := io.WriteString(w, clean(piece))
		return err
	})
	if answer = b.String(); answer != "" || err == nil {
		c.history = append(messages, message{"assistant", answer})
	}
	return answer, end.finish, err
}

// interactive reads and answers lines until Ctrl-D.
func (c *conversation) interactive(ctx context.Context) error {
	console, err := openConsole(ctx)
	if err != nil {
		return err
	}
	defer console.restore()
	fmt.Fprintf(console, "%s. Ctrl-C stops an answer, Ctrl-D leaves, /clear forgets the conversation.\n", printable(c.model))
	for {
		text, err := console.readMessage()
		if errors.Is(err, io.EOF) {
			fmt.Fprintln(console)
			return context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		switch command := strings.TrimSpace(text); {
		case command == "":
		case command == "/quit":
			return nil
		case command == "/clear":
			c.history = nil
			fmt.Fprintln(console, "Forgotten.")
		case strings.HasPrefix(command, "/"):
			fmt.Fprintf(console, "No command %s: there are /clear and /quit.\n", printable(command))
		default:
			c.answer(ctx, console, text)
		}
	}
}

// answer takes one turn on the console. Errors are shown and end the turn only.
func (c *conversation) answer(ctx context.Context, console *console, text string) {
	var answer, finish string
	err := console.interruptible(ctx, func(ctx context.Context) (err error) {
		answer, finish, err = c.say(ctx, console, text)
		return err
	})
	if answer != "" && !strings.HasSuffix(answer, "\n") {
		fmt.Fprintln(console)
	}
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(console, "(stopped)")
	case err != nil:
		fmt.Fprintln(console, "error:", terminalSafe(err.Error()))
		if hint := hintFor(err); hint != "" {
			fmt.Fprintln(console, "hint:", hint)
		}
	case finish == "length":
		fmt.Fprintln(console, "(the context is full; /clear begins a new conversation)")
	}
}
