package daemon

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	goruntime "runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

var soakTime = flag.Duration("soak", 5*time.Second, "how long TestSoak lasts at least")

const (
	soakUsers   = 4
	soakClients = 64 // of each user
	firstUID    = 50001
)

// dialAs connects as another user, which the daemon learns from SO_PEERCRED. It
// takes root; without it the connection is this user's. The thread whose
// identity it changes ends with it.
func dialAs(socket string, uid int) (c net.Conn, err error) {
	if os.Getuid() != 0 {
		return net.Dial("unix", socket)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		goruntime.LockOSThread() // never unlocked
		keep := ^uintptr(0)
		if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, keep, uintptr(uid), keep); e != 0 {
			err = fmt.Errorf("become user %d: %w", uid, e)
			return
		}
		// Files are still root's to open.
		_, _, _ = unix.RawSyscall(unix.SYS_SETFSUID, 0, 0, 0)
		c, err = net.Dial("unix", socket)
	}()
	<-done
	return c, err
}

// soakBody is the request number i.
func soakBody(i int) string {
	questions := []string{"When does the library open?", "What is inferd?", "How many days has May?", "What is 12 plus 7?", "Who are you?"}
	prompt := strings.Repeat(questions[i%5]+"\n", 1+i%7) + fmt.Sprint(i)
	return fmt.Sprintf(`{"model":"demo","stream":true,"prompt":%q,"max_tokens":%d,"seed":%d,"temperature":%g,"stop":["\n\n\n"]}`,
		prompt, 20+5*(i%9), i, float64(i%3)/2)
}

// soakAnswer reads the answer to request i, or gives up after some tokens: then
// whole is false.
func soakAnswer(c net.Conn, i, giveUp int) (text string, nTokens int, whole bool, err error) {
	defer c.Close()
	body := soakBody(i)
	if _, err := fmt.Fprintf(c, "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		return "", 0, false, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return "", 0, false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		message, _ := io.ReadAll(resp.Body)
		return "", 0, false, fmt.Errorf("status %d: %s", resp.StatusCode, message)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		line, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		if line == "[DONE]" {
			return text, nTokens, true, nil
		}
		var chunk struct {
			Choices []struct{ Text string }
			Error   any
		}
		if err := json.Unmarshal([]byte(line), &chunk); err != nil || chunk.Error != nil {
			return "", 0, false, fmt.Errorf("chunk %s: %w", line, err)
		}
		for _, choice := range chunk.Choices {
			text += choice.Text
		}
		if nTokens++; nTokens == giveUp {
			return text, nTokens, false, nil
		}
	}
	return "", 0, false, fmt.Errorf("the answer broke off: %w", lines.Err())
}

// TestSoak lets many clients of several users ask for answers as long as -soak
// says, and hang up now and then, with a KV cache that holds a fraction of what
// they want, so that a page or a session that is lost is missed soon. Each
// answer is what it is alone; every user gets its share; nothing is left.
func TestSoak(t *testing.T) {
	const nBodies = 120
	d := run(t, func(c *Config) {
		c.Demo = true
		c.KVBudget = 8 << 20
		c.MaxRunning = 32
	})
	t.Setenv("NOTIFY_SOCKET", "") // nobody reads there until the end, and the daemon would wait
	openMax, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	alone := make([]string, nBodies)
	for i := range alone {
		c, err := net.Dial("unix", d.socket)
		require.NoError(t, err)
		text, _, whole, err := soakAnswer(c, i, -1)
		require.NoError(t, err)
		require.True(t, whole)
		alone[i] = text
	}
	s := soak{t: t, socket: d.socket, alone: alone, end: time.Now().Add(*soakTime)}
	var clients sync.WaitGroup
	for u := range soakUsers {
		for k := range soakClients {
			clients.Go(func() { s.client(u, rand.New(rand.NewPCG(uint64(u), uint64(k)))) })
		}
	}
	clients.Wait()
	s.report()
	require.Eventually(t, func() bool {
		files, err := os.ReadDir("/proc/self/fd")
		return err == nil && len(files) <= len(openMax)+8 // listeners, pipes and what the runtime opens
	}, 30*time.Second, 100*time.Millisecond, "descriptors are left")
}

type soak struct {
	t        *testing.T
	socket   string
	alone    []string
	end      time.Time
	nTokens  [soakUsers]atomic.Int64
	nWhole   atomic.Int64
	nStarted atomic.Int64 // clients that have had an answer
	nGivenUp atomic.Int64
}

// isOver reports whether the time is up and there is enough to compare users by.
func (s *soak) isOver() bool {
	return time.Now().After(s.end) && s.total() >= 10_000
}

// total returns the tokens of all users, counted from when every client has had
// an answer.
func (s *soak) total() (n int64) {
	for u := range s.nTokens {
		n += s.nTokens[u].Load()
	}
	return n
}

func (s *soak) client(user int, random *rand.Rand) {
	for n := 0; !s.isOver() && !s.t.Failed(); n++ {
		if n == 1 {
			s.nStarted.Add(1)
		}
		i, giveUp := random.IntN(len(s.alone)), -1
		if random.IntN(5) == 0 {
			giveUp = 1 + random.IntN(10)
		}
		c, err := dialAs(s.socket, firstUID+user)
		if err != nil {
			s.t.Error(err)
			return
		}
		text, nTokens, whole, err := soakAnswer(c, i, giveUp)
		if s.nStarted.Load() == soakUsers*soakClients && !s.isOver() {
			s.nTokens[user].Add(int64(nTokens))
		}
		switch {
		case err != nil:
			s.t.Errorf("request %d: %v", i, err)
		case whole && text != s.alone[i]:
			s.t.Errorf("request %d: got %q, alone it was %q", i, text, s.alone[i])
		case !whole && !strings.HasPrefix(s.alone[i], text):
			s.t.Errorf("request %d: began with %q, alone it was %q", i, text, s.alone[i])
		case whole:
			s.nWhole.Add(1)
		default:
			s.nGivenUp.Add(1)
		}
	}
}

// report checks that every user had its share.
func (s *soak) report() {
	total := s.total()
	s.t.Logf("%d whole answers, %d given up, %d tokens", s.nWhole.Load(), s.nGivenUp.Load(), total)
	require.NotZero(s.t, s.nGivenUp.Load())
	for u := range s.nTokens {
		share := float64(s.nTokens[u].Load()) / float64(total) * soakUsers
		s.t.Logf("user %d: %.3f of its share", u, share)
		if os.Getuid() == 0 { // else they are all one user
			require.Greater(s.t, share, 0.8)
		}
	}
}
