package canary

import (
	"bufio"
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/daemon/demo"
	"inferd/runtime"
	"inferd/tokenizer"
)

var nRequests = flag.Int("requests", 5, "how many requests are made for each way out")

// patience is after how many seconds a daemon on a busy machine must have
// forgotten.
const patience = 10

// sizes of the texts, in bytes. The largest are rare in the short test.
var sizes = []int{200, 3000, 200, 40_000, 1000, 200, 2 << 20, 500}

// flock is what to look for.
type flock struct {
	text *needles // what was said, and the answers
	ids  *needles // the same as tokens
	tok  *tokenizer.Tokenizer
}

func newFlock(t *testing.T) *flock {
	file, err := demo.Open()
	require.NoError(t, err)
	defer file.Close()
	e, err := runtime.Load(fmt.Sprintf("/proc/self/fd/%d", file.Fd()), runtime.Options{})
	require.NoError(t, err)
	t.Cleanup(e.Close)
	return &flock{newNeedles(12), newNeedles(40), e.Tokenizer()}
}

func (f *flock) add(name, text string) {
	f.text.add(name, []byte(text))
	f.text.add(name+" in JSON", []byte(quote(text)))
	f.addTokens(name, f.tok.Encode(text, tokenizer.EncodeOptions{}))
}

// addTokens adds tokens as int32 and as int64, without the first and the last
// ones, which depend on what stands around them.
func (f *flock) addTokens(name string, tokens []runtime.Token) {
	if len(tokens) < 5 {
		return
	}
	var narrow, wide []byte
	for _, t := range tokens[2 : len(tokens)-2] {
		narrow = binary.LittleEndian.AppendUint32(narrow, uint32(t))
		wide = binary.LittleEndian.AppendUint64(wide, uint64(t))
	}
	f.ids.add(name+" as tokens", narrow)
	f.ids.add(name+" as wide tokens", wide)
}

// addAnswer adds what came back.
func (f *flock) addAnswer(name string, a answer) {
	f.add("answer to "+name, a.text)
	for _, id := range a.ids {
		f.text.add("event of "+name, []byte(id))
	}
}

// requireGone scans a process, in which nothing may be left soon. Windows that
// stand in every daemon, since an answer has common words, do not count.
func (f *flock) requireGone(t *testing.T, s *server) {
	t.Helper()
	var found []finding
	for range patience {
		time.Sleep(time.Second)
		var n int64
		var err error
		found, n, err = scan(s.pid, f.text, f.ids)
		require.NoError(t, err)
		t.Logf("%d windows of %d and %d of tokens in %d MiB of memory", len(found), len(f.text.of), len(f.ids.of), n>>20)
		if len(found) > 0 {
			found = f.dropCommon(t, found)
		}
		if len(found) == 0 {
			return
		}
	}
	t.Error(report(found))
}

// dropCommon drops the windows that a daemon has which nobody has asked anything.
func (f *flock) dropCommon(t *testing.T, found []finding) []finding {
	common, _, err := scan(start(t).pid, f.text, f.ids)
	require.NoError(t, err)
	for _, c := range common {
		delete(f.text.of, c.window)
		delete(f.ids.of, c.window)
	}
	return slices.DeleteFunc(found, func(hit finding) bool {
		return f.text.of[hit.window] == "" && f.ids.of[hit.window] == ""
	})
}

// requireRoot skips where the memory of others cannot be read.
func requireRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("reading a sealed process's memory takes root: the canary scan is SKIPPED")
	}
}

// TestForgets asks along every way and lets the requests end in every manner.
func TestForgets(t *testing.T) {
	requireRoot(t)
	s := start(t)
	f := newFlock(t)
	client := s.client(s.socket)
	for k, exit := range exits {
		t.Run(exit.name, func(t *testing.T) {
			for i := range *nRequests {
				w := ways[(i+k**nRequests)%len(ways)]
				canary := newCanary()
				name := w.name + ", " + exit.name
				f.add(name, canary+"; "+canary)
				f.addAnswer(name, exit.end(s, client, w, textOf(canary, sizes[(i+k)%len(sizes)])))
			}
			f.requireGone(t, s)
		})
	}
	s.requireUnwritten(f)
}

// TestForgetsUnderLoad lets requests of several clients meet in the queue, where
// some of them give up or have waited too long.
func TestForgetsUnderLoad(t *testing.T) {
	requireRoot(t)
	s := start(t, "--max-running", "2", "--queue-size", "40", "--answer-timeout", "200ms")
	f := newFlock(t)
	outcomes := map[int]int{}
	var mu sync.Mutex // guards f and outcomes
	var clients sync.WaitGroup
	for k := range 8 {
		client := s.client(s.socket)
		clients.Go(func() {
			for i := range *nRequests {
				w := ways[(i+k)%4] // the first ones have "n"
				canary := newCanary()
				body := strings.Replace(w.bodyFor(canary), `:40,`, `:400,"n":16,"ignore_eos":true,`, 1)
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%4)*100*time.Millisecond+10*time.Millisecond)
				status, got := s.try(ctx, client, w, body)
				cancel()
				mu.Lock()
				outcomes[status]++
				f.add(w.name, canary+"; "+canary)
				f.addAnswer(w.name, newAnswer(status, got))
				mu.Unlock()
			}
		})
	}
	clients.Wait()
	t.Log("requests by status, 0 is given up:", outcomes)
	require.NotZero(t, outcomes[0], "some give up")
	require.NotZero(t, outcomes[http.StatusTooManyRequests], "some are refused")
	f.requireGone(t, s)
	s.requireUnwritten(f)
}

// TestFindsWhatRuns: a scan that finds nothing proves nothing unless it finds a
// request that is being answered. Nobody reads the answer, so it cannot end.
func TestFindsWhatRuns(t *testing.T) {
	requireRoot(t)
	s := start(t)
	f := newFlock(t)
	canary := newCanary()
	f.add("running", canary)
	conn := s.dial()
	defer conn.Close()
	body := fmt.Sprintf(`{"model":"demo","prompt":%s,"n":64,"max_tokens":400,"ignore_eos":true,"stream":true}`, quote(canary))
	_, err := conn.Write(raw("POST", "/v1/completions", "", len(body), body))
	require.NoError(t, err)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	found, _, err := scan(s.pid, f.text, f.ids)
	require.NoError(t, err)
	names := map[string]bool{}
	for _, hit := range found {
		names[hit.name] = true
	}
	require.True(t, names["running"] || names["running in JSON"], "the text: %v", names)
	require.True(t, names["running as tokens"], "its tokens: %v", names)
}

// TestFindsFaults: the scan finds what a server keeps that has the fault on
// purpose, and nothing where a handler breaks.
func TestFindsFaults(t *testing.T) {
	requireRoot(t)
	for _, fault := range []string{"keeps", "panics"} {
		t.Run(fault, func(t *testing.T) {
			s := startFaulty(t, fault)
			f := newFlock(t)
			for range *nRequests {
				canary := newCanary()
				f.add(fault, canary)
				s.send(raw("POST", "/", "", len(canary), canary))
			}
			if fault == "panics" {
				require.Contains(t, s.log.String(), "handler panicked")
				f.requireGone(t, s)
				s.requireUnwritten(f)
				return
			}
			time.Sleep(time.Second)
			found, _, err := scan(s.pid, f.text)
			require.NoError(t, err)
			require.NotEmpty(t, found, "the scan is broken")
		})
	}
}
