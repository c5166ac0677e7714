package sched

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/daemon/auth"
)

var rewrite = flag.Bool("rewrite", false, "write what the policy does into testdata/*.txt")

// TestPolicyTables plays the scripts in testdata. A script sets the limits,
// lets requests arrive and asks for steps; each step is followed by a line
// that says what was done:
//
//	limits running=4 chunk=4 pages=100 page=4
//	arrive a user=1 prompt=10 answer=3 lane=-1 weight=2 reserve=25 most=2 rate=10
//	cancel a
//	step
//	> aside c; admit a; a+4 b+1; done b
//
// "a+4" is four tokens computed for request a, "admit", "aside" and "done"
// are its coming and going. "step 5" stands for five steps. A user's reserve is
// in percent of the pages, most is its MaxConcurrency, rate its TokensPerSec;
// "wait 3" lets as many seconds go by.
func TestPolicyTables(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			got := playScript(t, string(text))
			if *rewrite {
				require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
				return
			}
			require.Equal(t, string(text), got, "run with -rewrite and read the difference")
		})
	}
}

// script plays the scheduler's part with requests that have no tokens, only
// counts.
type script struct {
	policy policy
	jobs   map[string]*job
	names  map[*job]string
	answer map[*job]int // tokens still to be generated
}

func playScript(t *testing.T, text string) string {
	s := script{jobs: map[string]*job{}, names: map[*job]string{}, answer: map[*job]int{}}
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "> ") {
			continue
		}
		out.WriteString(line)
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(line, "#") {
			continue
		}
		switch fields[0] {
		case "limits":
			v := values(t, fields[1:])
			s.policy.limits = limits{maxRunning: v["running"], prefillChunk: v["chunk"], nPages: v["pages"], pageTokens: v["page"]}
		case "arrive":
			v := values(t, fields[2:])
			j := &job{Request: Request{User: auth.User(v["user"]), Share: share(v)}, nTokens: v["prompt"]}
			s.jobs[fields[1]], s.names[j], s.answer[j] = j, fields[1], v["answer"]
			s.policy.add(j)
		case "cancel":
			s.policy.leave(s.jobs[fields[1]])
		case "wait":
			n, _ := strconv.Atoi(fields[1])
			s.policy.refill(time.Duration(n) * time.Second)
		case "step":
			n := 1
			if len(fields) > 1 {
				n, _ = strconv.Atoi(fields[1])
			}
			for range n {
				fmt.Fprintf(&out, "> %s\n", s.step())
			}
		default:
			t.Fatalf("unknown line %q", line)
		}
	}
	return out.String()
}

func share(v map[string]int) auth.Share {
	return auth.Share{
		Lane:           auth.Lane(v["lane"]),
		Weight:         v["weight"],
		KVReserve:      float64(v["reserve"]) / 100,
		TokensPerSec:   float64(v["rate"]),
		MaxConcurrency: v["most"],
	}
}

func values(t *testing.T, fields []string) map[string]int {
	v := map[string]int{}
	for _, f := range fields {
		name, number, _ := strings.Cut(f, "=")
		n, err := strconv.Atoi(number)
		require.NoError(t, err)
		v[name] = n
	}
	return v
}

func (s *script) step() string {
	var parts []string
	list := func(what string, jobs []*job) {
		if len(jobs) == 0 {
			return
		}
		words := []string{what}
		for _, j := range jobs {
			words = append(words, s.names[j])
		}
		parts = append(parts, strings.Join(words, " "))
	}
	out, in := s.policy.rearrange()
	list("aside", out)
	list("admit", in)
	var steps []string
	var done []*job
	for _, w := range s.policy.plan(nil, s.policy.prefillChunk) {
		steps = append(steps, fmt.Sprintf("%s+%d", s.names[w.job], w.n))
		w.nDone += w.n
		if w.nDone < w.nTokens {
			continue
		}
		if s.answer[w.job]--; s.answer[w.job] <= 0 {
			done = append(done, w.job)
			s.policy.leave(w.job)
		} else {
			w.nTokens++
			w.grown++
		}
	}
	if len(steps) > 0 {
		parts = append(parts, strings.Join(steps, " "))
	}
	list("done", done)
	if len(parts) == 0 {
		return "idle"
	}
	return strings.Join(parts, "; ")
}
