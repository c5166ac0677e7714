package trials

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/testdata"
)

// soakRequest is a kind of request whose answer is the same each time, as long
// as its parts that never are have been taken out.
type soakRequest struct {
	path, body string
	steady     func(answer string) string // takes them out
}

// whole is the answer as it is; exceptIDs leaves out names and times of answers.
func whole(answer string) string { return answer }

func exceptIDs(answer string) string {
	var keep []string
	for _, part := range strings.FieldsFunc(answer, func(r rune) bool { return strings.ContainsRune(",{}\n", r) }) {
		if !strings.Contains(part, `"id":`) && !strings.Contains(part, `"created`) && !strings.Contains(part, "_id\":") &&
			!strings.Contains(part, "duration") && !strings.Contains(part, "cached") && !strings.Contains(part, "_at\":") {
			keep = append(keep, part)
		}
	}
	return strings.Join(keep, "\n")
}

// soakRequests are what clients ask, with demo and the models of the folder.
var soakRequests = []soakRequest{
	{"/v1/chat/completions", `{"model":"demo","messages":[{"role":"user","content":"When does the library open?"}],"temperature":0}`, exceptIDs},
	{"/v1/chat/completions", `{"model":"demo","stream":true,"messages":[{"role":"user","content":"What are you?"}],"temperature":0}`, exceptIDs},
	{"/v1/completions", `{"model":"demo","stream":true,"prompt":"The library","max_tokens":24,"seed":4}`, exceptIDs},
	{"/v1/completions", `{"model":"llama-tied","prompt":"once upon a time","max_tokens":16,"temperature":0}`, exceptIDs},
	{"/v1/completions", `{"model":"mamba2","prompt":"once upon a time","max_tokens":16,"seed":2}`, exceptIDs},
	{"/v1/embeddings", `{"model":"demo","input":["one text","another text"]}`, exceptIDs},
	{"/v1/rerank", `{"model":"bert-rerank","query":"a b","documents":["b a","c d"]}`, exceptIDs},
	{"/v1/chat/completions", `{"model":"demo","seed":3,"max_tokens":80,"messages":[{"role":"user","content":"An order"}],"response_format":{"type":"json_schema","json_schema":{"name":"o","schema":{"type":"object","properties":{"n":{"type":"integer","minimum":0,"maximum":99},"size":{"enum":["s","m"]}},"required":["n","size"],"additionalProperties":false}}}}`, exceptIDs},
	{"/v1/completions", `{"model":"demo","seed":3,"max_tokens":40,"prompt":"Numbers:","grammar":"root ::= [0-9]{3} (\",\" [0-9]{3}){2}"}`, exceptIDs},
	{"/v1/responses", `{"model":"demo","input":"Who are you?","temperature":0}`, exceptIDs},
	{"/api/chat", `{"model":"demo","messages":[{"role":"user","content":"How many days has May?"}],"options":{"temperature":0}}`, exceptIDs},
	{"/v1/messages", `{"model":"demo","max_tokens":40,"temperature":0,"messages":[{"role":"user","content":"What is 12 plus 7?"}]}`, exceptIDs},
	{"/v1/tokenize", `{"model":"demo","content":"When does the library open?"}`, whole},
}

// soakMistakes are requests that must be refused, and how.
var soakMistakes = []struct {
	path, body string
	status     int
}{
	{"/v1/completions", `{"model":"demo","prompt":`, http.StatusBadRequest},
	{"/v1/completions", `{"model":"demo","prompt":"a","max_tokens":-1}`, http.StatusBadRequest},
	{"/v1/completions", `{"model":"nobody","prompt":"a"}`, http.StatusNotFound},
	{"/v1/chat/completions", `{"model":"demo","messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":{"type":"nothing"}}}}`, http.StatusBadRequest},
	{"/v1/completions", `{"model":"demo","prompt":"a","grammar":"root ::= ((((("}`, http.StatusBadRequest},
	{"/v1/embeddings", strings.Repeat("[", 100_000), http.StatusBadRequest},
	{"/v1/completions", `{"model":"demo","prompt":"` + strings.Repeat("a", 300_000) + `"}`, http.StatusRequestEntityTooLarge},
}

// soakConfigs are what the daemon's configuration becomes, in turn; an empty
// answer means that it is taken over.
var soakConfigs = []struct{ text, answer string }{
	{"keep-alive = \"2s\"\n", ""},
	{"keep-alive = \"1s\"\nmax-conns = \"many\"\n", "max-conns"},
	{"keep-alive = \"500ms\"\n", ""},
	{"keep-alive = [\n", "line"},
}

// soak is a daemon under mixed traffic.
type soak struct {
	*service
	mu      sync.Mutex // guards answers
	answers map[int]string
	counts  [6]atomic.Int64 // of what clients did, by kind
	stop    chan struct{}
}

var soakKinds = [...]string{"answers", "hang-ups", "refusals", "loads and unloads", "reloads", "files replaced"}

// TestServiceSoak lets clients ask everything that can be asked, rightly and
// wrongly, hang up, load and unload, replace files, and reload good and broken
// configurations. Equal requests have equal answers all the time, and memory,
// descriptors and goroutines do not grow. INFERD_SOAK says how long, 5s by
// default; slopes are told and judged from twenty minutes on.
func TestServiceSoak(t *testing.T) {
	length := 5 * time.Second
	if s := os.Getenv("INFERD_SOAK"); s != "" {
		var err error
		length, err = time.ParseDuration(s)
		require.NoError(t, err)
	}
	s := &soak{service: prepare(t, "--demo", "--kv-budget", "16MiB", "--max-body", "256KiB"), answers: map[int]string{}, stop: make(chan struct{})}
	s.cmd.Args = append(s.cmd.Args, "--config", s.path("config"))
	s.configure(0)
	names := []string{"llama-tied", "mamba2", "bert-rerank"}
	for _, name := range names {
		s.replace(name)
	}
	s.start()
	s.waitReady()
	require.Eventually(t, func() bool { // files are looked at once they have settled
		_, list, err := ask(s.api, "GET", "/v1/models", "")
		return err == nil && !slices.ContainsFunc(names, func(name string) bool { return !strings.Contains(list, name) })
	}, time.Minute, 10*time.Millisecond)
	for i := range soakRequests { // so that all is there that ever will be
		s.request(i)
	}
	quiet := s.quiet()

	var clients sync.WaitGroup
	for i := range 4 {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		clients.Go(func() { s.client(random) })
	}
	clients.Go(s.administer)
	series := s.watch(length)
	close(s.stop)
	clients.Wait()

	for i, name := range soakKinds {
		t.Logf("%d %s", s.counts[i].Load(), name)
		require.NotZero(t, s.counts[i].Load(), name)
	}
	series.report(t)
	after := s.quiet()
	t.Logf("in peace before: %v; after: %v", quiet, after)
	require.LessOrEqual(t, after.nDescriptors, quiet.nDescriptors+2, "descriptors are left")
	require.LessOrEqual(t, after.nGoroutines, quiet.nGoroutines+2, "goroutines are left")
	require.NotContains(t, s.log.String(), "panic")
	s.service.stop()
}

// client asks until the end, with pauses as people make them.
func (s *soak) client(random *rand.Rand) {
	for {
		select {
		case <-s.stop:
			return
		case <-time.After(time.Duration(random.IntN(400)) * time.Millisecond):
		}
		switch random.IntN(8) {
		case 0:
			s.mistake(random.IntN(len(soakMistakes)))
		case 1:
			s.hangUp(random)
		default:
			s.request(random.IntN(len(soakRequests)))
		}
	}
}

// request asks what has been asked before, and compares.
func (s *soak) request(i int) {
	r := soakRequests[i]
	status, answer, err := ask(s.api, "POST", r.path, r.body)
	if err != nil || status != http.StatusOK {
		s.t.Errorf("%s %s: status %d, %v: %s", r.path, r.body, status, err, answer)
		return
	}
	answer = r.steady(answer)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.answers[i] == "" {
		s.answers[i] = answer
	}
	if answer != s.answers[i] {
		s.t.Errorf("%s %s: answer\n%s\nwas before\n%s", r.path, r.body, answer, s.answers[i])
	}
	s.counts[0].Add(1)
}

// mistake asks what must be refused.
func (s *soak) mistake(i int) {
	m := soakMistakes[i]
	status, answer, err := ask(s.api, "POST", m.path, m.body)
	if errors.Is(err, syscall.EPIPE) && m.status == http.StatusRequestEntityTooLarge {
		return // refused before all was sent
	}
	if err != nil || status != m.status || !strings.Contains(answer, "error") {
		s.t.Errorf("%s %.80s: status %d, want %d; %v: %s", m.path, m.body, status, m.status, err, answer)
	}
	s.counts[2].Add(1)
}

// hangUp leaves in the midst of an answer, or of a question.
func (s *soak) hangUp(random *rand.Rand) {
	c, err := net.Dial("unix", s.path("api"))
	if err != nil {
		s.t.Error(err)
		return
	}
	defer c.Close()
	body := `{"model":"demo","stream":true,"ignore_eos":true,"max_tokens":200,"prompt":"and so on"}`
	request := fmt.Sprintf("POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	if random.IntN(4) == 0 {
		request = request[:random.IntN(len(request))]
	}
	if _, err := c.Write([]byte(request)); err != nil {
		s.t.Error(err)
		return
	}
	lines := bufio.NewScanner(c)
	_ = c.SetReadDeadline(time.Now().Add(time.Second))
	for range random.IntN(30) {
		lines.Scan()
	}
	s.counts[1].Add(1)
}

// administer loads, unloads, replaces and reloads until the end.
func (s *soak) administer() {
	names := []string{"llama-tied", "mamba2", "bert-rerank"}
	for i := 0; ; i++ {
		select {
		case <-s.stop:
			return
		case <-time.After(300 * time.Millisecond):
		}
		name := names[i/6%len(names)]
		switch i % 6 {
		case 0, 3:
			s.command("/load", name)
		case 1, 4:
			s.command("/unload", name)
		case 2:
			s.replace(name)
			s.counts[5].Add(1)
		case 5:
			s.reload(i / 6)
		}
	}
}

func (s *soak) command(path, model string) {
	status, answer, err := ask(s.admin, "POST", path, fmt.Sprintf(`{"model":%q}`, model))
	if err != nil || status != http.StatusOK {
		s.t.Errorf("%s %s: status %d, %v: %s", path, model, status, err, answer)
	}
	s.counts[3].Add(1)
}

// replace puts a model into the folder as careful programs do.
func (s *soak) replace(name string) {
	content, err := os.ReadFile(testdata.Path("models", name+".gguf"))
	if err == nil {
		err = os.WriteFile(s.path("models", name+".new"), content, 0o640)
	}
	if err == nil {
		err = os.Rename(s.path("models", name+".new"), s.path("models", name+".gguf"))
	}
	if err != nil {
		s.t.Error(err)
	}
}

// configure writes the configuration number i.
func (s *soak) configure(i int) {
	if err := os.WriteFile(s.path("config"), []byte(soakConfigs[i%len(soakConfigs)].text), 0o600); err != nil {
		s.t.Error(err)
	}
}

// reload has the daemon read the configuration number i, by request or by signal.
func (s *soak) reload(i int) {
	s.configure(i)
	want := soakConfigs[i%len(soakConfigs)].answer
	status, answer, err := ask(s.admin, "POST", "/reload", "")
	if err != nil || (status == http.StatusOK) != (want == "") || !strings.Contains(answer, want) {
		s.t.Errorf("reload %d: status %d, %v: %s", i, status, err, answer)
	}
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		s.t.Error(err)
	}
	s.counts[4].Add(1)
}

// moment is what the process has.
type moment struct {
	at           time.Duration
	residentMiB  float64
	nDescriptors int
	nGoroutines  int
}

func (m moment) String() string {
	return fmt.Sprintf("at %v: %.1f MiB, %d descriptors, %d goroutines", m.at.Round(time.Second), m.residentMiB, m.nDescriptors, m.nGoroutines)
}

func (s *soak) moment(at time.Duration) moment {
	return moment{at, s.resident() / (1 << 20), s.nDescriptors(), int(s.metric("inferd_goroutines"))}
}

// quiet waits for the daemon to have only demo, and no connections.
func (s *soak) quiet() (m moment) {
	for range 100 { // what connections leave takes a moment to go
		for _, name := range []string{"llama-tied", "mamba2", "bert-rerank"} {
			s.command("/unload", name)
		}
		time.Sleep(100 * time.Millisecond)
		before := m
		m = s.moment(0)
		if s.metric(`inferd_models_loaded`) == 1 && m.nDescriptors == before.nDescriptors && m.nGoroutines == before.nGoroutines {
			break
		}
	}
	return m
}

// series is what a process had over time.
type series []moment

// watch looks at the daemon, every second at most and 1000 times at most.
func (s *soak) watch(length time.Duration) (all series) {
	began := time.Now()
	for time.Since(began) < length && !s.t.Failed() {
		select {
		case <-s.ended:
			s.t.Fatalf("inferd ended: %v\n%s", s.err, s.log)
		case <-time.After(max(time.Second, length/1000)):
			all = append(all, s.moment(time.Since(began)))
		}
	}
	return all
}

// slope fits a line to values over the moments' hours and returns its rise per
// hour.
func (all series) slope(value func(moment) float64) float64 {
	var n, x, y, xx, xy float64
	for _, m := range all {
		h, v := m.at.Hours(), value(m)
		n, x, y, xx, xy = n+1, x+h, y+v, xx+h*h, xy+h*v
	}
	return (n*xy - x*y) / (n*xx - x*x)
}

// warmTime is how long caches and the heap's arenas fill, and a few times more.
const warmTime = 20 * time.Minute

// report tells a few moments, and slopes after the first quarter, in which caches fill, and checks
// what they have made of the rest of the time.
func (all series) report(t *testing.T) {
	for i := range 20 {
		t.Log(all[i*(len(all)-1)/19])
	}
	if all[len(all)-1].at < warmTime {
		return
	}
	all = all[len(all)/4:]
	hours := (all[len(all)-1].at - all[0].at).Hours()
	for _, kind := range []struct {
		name    string
		value   func(moment) float64
		allowed float64 // rise over the whole time
	}{
		{"MiB of memory", func(m moment) float64 { return m.residentMiB }, 2},
		{"descriptors", func(m moment) float64 { return float64(m.nDescriptors) }, 2},
		{"goroutines", func(m moment) float64 { return float64(m.nGoroutines) }, 2},
	} {
		var sum float64
		for _, m := range all {
			sum += kind.value(m)
		}
		slope := all.slope(kind.value)
		t.Logf("%s: %.2f on average, slope %+.3f in an hour, over %.2f h", kind.name, sum/float64(len(all)), slope, hours)
		require.Less(t, slope*hours, kind.allowed, kind.name)
	}
}
