package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// fakeDaemon answers every conversation with the number of its messages and
// the last one, one word at a time. "wait" gets one word and then nothing
// until the client goes away; "break" ends in the middle of the stream;
// "refuse" gets a 400.
type fakeDaemon struct {
	socket string
	gone   chan struct{} // one value for each client that left a waiting answer
}

func startFakeDaemon(t *testing.T) *fakeDaemon {
	t.Helper()
	dir, err := os.MkdirTemp("", "inferctl") // short: socket paths end at 108 bytes
	require.NoError(t, err)
	d := &fakeDaemon{socket: filepath.Join(dir, "s"), gone: make(chan struct{}, 8)}
	l, err := net.Listen("unix", d.socket)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"object":"list","data":[{"id":"tiny"},{"id":"other"}]}`)
	})
	mux.HandleFunc("POST /v1/chat/completions", d.chat)
	server := &http.Server{Handler: mux}
	go server.Serve(l)
	t.Cleanup(func() {
		server.Close()
		os.RemoveAll(dir)
	})
	return d
}

func (d *fakeDaemon) chat(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Model    string
		Messages []message
	}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil || req.Model == "missing" {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error":{"message":"no model \"missing\"","type":"invalid_request_error"}}`)
		return
	}
	send := func(text, finish string) {
		event, _ := json.Marshal(map[string]any{"choices": []any{map[string]any{
			"delta": message{Content: text}, "finish_reason": finish,
		}}})
		fmt.Fprintf(w, ": ping\n\ndata: %s\n\n", event)
		w.(http.Flusher).Flush()
	}
	last := req.Messages[len(req.Messages)-1].Content
	switch last {
	case "refuse":
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":{"message":"600 tokens do not fit into 512"}}`)
		return
	case "wait":
		send("waiting", "")
		<-r.Context().Done()
		d.gone <- struct{}{}
		return
	case "break":
		send("half", "")
		panic(http.ErrAbortHandler)
	case "escape":
		send("\x1b[2J\a", "")
	}
	for _, word := range strings.SplitAfter(fmt.Sprintf("%s %d: %s", req.Model, len(req.Messages), last), " ") {
		send(word, "")
	}
	send("", "stop")
	fmt.Fprint(w, "data: [DONE]\n\n")
}

func TestChatOneShot(t *testing.T) {
	socket := startFakeDaemon(t).socket
	for _, test := range []struct {
		name, input, stdout, stderr string
		code                        int
		args                        []string
	}{
		{name: "first model", input: "Hello\nthere\n", stdout: "tiny 1: Hello\nthere\n"},
		{name: "empty input", input: "", stdout: "tiny 1: \n"},
		{name: "named model", input: "Hi", stdout: "other 1: Hi\n", args: []string{"--model", "other"}},
		{name: "raw bytes in a pipe", input: "escape", stdout: "\x1b[2J\atiny 1: escape\n"},
		{name: "unknown model", input: "Hi", args: []string{"--model", "missing"}, code: exitFailure,
			stderr: "inferctl: error: the daemon answers 404: no model \"missing\"\n"},
		{name: "refused", input: "refuse", code: exitFailure,
			stderr: "inferctl: error: the daemon answers 400: 600 tokens do not fit into 512\n"},
		{name: "broken off", input: "break", stdout: "half\n", code: exitFailure,
			stderr: "inferctl: error: the connection ended before the answer did\ninferctl: hint: the daemon's log tells why it stopped\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			stdout, stderr, code := inferctl(test.input, append([]string{"chat", "--socket", socket}, test.args...)...)
			require.Equal(t, test.stdout, stdout)
			require.Equal(t, test.stderr, stderr)
			require.Equal(t, test.code, code)
		})
	}
}

func TestChatWithoutDaemon(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "none.sock")
	stdout, stderr, code := inferctl("Hi", "chat", "--socket", socket)
	require.Empty(t, stdout)
	require.Equal(t, "inferctl: error: no daemon listens at "+socket+"\ninferctl: hint: start one with 'inferd --model FILE', or say --socket PATH\n", stderr)
	require.Equal(t, exitFailure, code)
}

// A reader that goes away ends the program by SIGPIPE, without a word.
func TestChatClosedPipe(t *testing.T) {
	d := startFakeDaemon(t)
	cmd := exec.Command("inferctl", "chat", "--socket", d.socket)
	cmd.Stdin = strings.NewReader("Hello")
	r, w, err := os.Pipe()
	require.NoError(t, err)
	r.Close()
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = w, &stderr
	_ = cmd.Run()
	w.Close()
	require.Equal(t, syscall.SIGPIPE, cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
	require.Empty(t, stderr.String())
}

// A signal ends a one-shot chat, and a waiting daemon sees the client go.
func TestChatSignal(t *testing.T) {
	d := startFakeDaemon(t)
	cmd := exec.Command("inferctl", "chat", "--socket", d.socket)
	cmd.Stdin = strings.NewReader("wait")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = io.ReadFull(out, make([]byte, len("waiting")))
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait()
	require.Equal(t, syscall.SIGINT, cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
	<-d.gone
}

// terminalSession runs inferctl on a pseudo-terminal.
type terminalSession struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd

	mu      sync.Mutex
	arrived *sync.Cond
	output  []byte // guarded by mu
	ended   bool   // guarded by mu
}

func startOnTerminal(t *testing.T, args ...string) *terminalSession {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no pseudo-terminal:", err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	defer slave.Close()
	s := &terminalSession{t: t, master: master, cmd: exec.Command("inferctl", args...)}
	s.arrived = sync.NewCond(&s.mu)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = slave, slave, slave
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, s.cmd.Start())
	go s.collect()
	hung := time.AfterFunc(time.Minute, func() { _ = s.cmd.Process.Kill() })
	t.Cleanup(func() {
		hung.Stop()
		_ = s.cmd.Process.Kill()
		master.Close()
	})
	return s
}

// collect gathers output until the program has left the terminal.
func (s *terminalSession) collect() {
	buf := make([]byte, 4096)
	for {
		n, err := s.master.Read(buf)
		s.mu.Lock()
		s.output = append(s.output, buf[:n]...)
		s.ended = err != nil
		s.arrived.Broadcast()
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// expect waits for text in the output and drops all up to its end.
func (s *terminalSession) expect(text string) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if i := bytes.Index(s.output, []byte(text)); i >= 0 {
			s.output = s.output[i+len(text):]
			return
		}
		if s.ended {
			s.t.Fatalf("program ended without %q, but with %q", text, s.output)
		}
		s.arrived.Wait()
	}
}

func (s *terminalSession) typeKeys(keys string) {
	s.t.Helper()
	_, err := io.WriteString(s.master, keys)
	require.NoError(s.t, err)
}

func TestChatOnTerminal(t *testing.T) {
	d := startFakeDaemon(t)
	s := startOnTerminal(t, "chat", "--socket", d.socket)
	s.expect("tiny. Ctrl-C stops an answer")
	s.expect("> ")
	s.typeKeys("one\r")
	s.expect("tiny 1: one\r\n")
	s.expect("> ")
	s.typeKeys("two\r") // the conversation goes on
	s.expect("tiny 3: two\r\n")
	s.expect("> ")
	s.typeKeys("\x1b[A\x1b[A\r") // lines typed before come back with the arrow keys
	s.expect("tiny 5: one\r\n")

	s.expect("> ")
	s.typeKeys("wait\r")
	s.expect("waiting")
	s.typeKeys("\x03") // Ctrl-C stops the answer and frees the daemon, not the program
	s.expect("(stopped)")
	<-d.gone
	s.expect("> ")
	s.typeKeys("not this\x03this\r") // and clears a line that is being edited
	s.expect("tiny 9: this\r\n")

	s.expect("> ")
	s.typeKeys("refuse\r")
	s.expect("error: the daemon answers 400")
	s.expect("> ")
	s.typeKeys("escape\r") // what a model writes cannot command the terminal
	s.expect("\uFFFD[2J\uFFFDtiny 11: escape")
	s.expect("> ")
	s.typeKeys("/clear\r")
	s.expect("Forgotten.")
	s.typeKeys("\x1b[200~first\rsecond\r\x1b[201~\r") // a paste is one message
	s.expect("tiny 1: first\r\nsecond\r\n")
	s.expect("> ")
	s.typeKeys("/what\r")
	s.expect("No command /what")
	s.typeKeys("\x04")
	require.NoError(t, s.cmd.Wait())
}

func TestChatLeavesOnSecondInterrupt(t *testing.T) {
	s := startOnTerminal(t, "chat", "--socket", startFakeDaemon(t).socket)
	s.expect("> ")
	s.typeKeys("half a line\x03")
	s.expect(strings.Repeat(" ", len("half a line"))) // blanks cover the line
	s.typeKeys("\x03")
	require.NoError(t, s.cmd.Wait())
}
