package daemon

import (
	"cmp"
	"maps"
	goruntime "runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"inferd/daemon/audit"
	"inferd/daemon/auth"
	"inferd/daemon/metrics"
	"inferd/daemon/sched"
	"inferd/runtime"
)

// observer counts answers, for metrics and for the status. It sees who, which
// model, how many tokens and how long, never what. A nil observer counts nothing.
type observer struct {
	registry metrics.Registry
	key      atomic.Pointer[audit.Key] // nil: records have no hashes

	answers, prompt, cached, generated *metrics.Counter
	guesses, rightGuesses              *metrics.Counter
	firstToken, interToken, duration   *metrics.Histogram

	mu     sync.Mutex // guards the fields that follow
	models map[string]tally
	users  map[auth.User]tally
}

// tally is a sum over answers.
type tally struct{ nAnswers, nPrompt, nReused, nOut, nGuessed, nRight int64 }

func (t tally) with(a answered) tally {
	t.nAnswers++
	t.nPrompt += int64(a.nPrompt)
	t.nReused += int64(a.nReused)
	t.nOut += int64(a.nOut)
	return t
}

// answered is an answer that has ended.
type answered struct {
	user                   auth.User
	model, outcome         string
	nPrompt, nReused, nOut int           // tokens
	firstToken             time.Duration // from the request to it; 0 without one
	took                   time.Duration
	record                 audit.Record // empty where nobody audits
}

// maxTallied is how many models, and users, the status tells apart.
const maxTallied = 1024

// Bounds of histograms, in seconds: prompts take milliseconds to minutes, tokens
// fractions of a millisecond to seconds.
var (
	longBounds  = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300}
	shortBounds = []float64{0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5}
)

func newObserver() *observer {
	o := &observer{models: map[string]tally{}, users: map[auth.User]tally{}}
	r := &o.registry
	o.answers = r.Counter("inferd_answers_total", "Answers that have ended.", "model", "user", "outcome")
	o.prompt = r.Counter("inferd_prompt_tokens_total", "Tokens of prompts, cached ones included.", "model", "user")
	o.cached = r.Counter("inferd_cached_prompt_tokens_total", "Tokens of prompts that were cached.", "model", "user")
	o.generated = r.Counter("inferd_generated_tokens_total", "Tokens of answers.", "model", "user")
	o.guesses = r.Counter("inferd_guessed_tokens_total", "Tokens that were computed before it was known that they follow.", "model")
	o.rightGuesses = r.Counter("inferd_right_guessed_tokens_total", "Tokens of these that did follow.", "model")
	o.firstToken = r.Histogram("inferd_first_token_seconds", "Time from the request to its first token.", longBounds, "model")
	o.interToken = r.Histogram("inferd_inter_token_seconds", "Time between two tokens of an answer.", shortBounds, "model")
	o.duration = r.Histogram("inferd_answer_seconds", "Time from the request to its end.", longBounds, "model")
	return o
}

// auditKey returns the key for the hashes in answers' records, nil for none.
func (o *observer) auditKey() *audit.Key {
	if o == nil {
		return nil
	}
	return o.key.Load()
}

// first counts the time to an answer's first token.
func (o *observer) first(model string, took time.Duration) {
	if o != nil {
		o.firstToken.Observe(took.Seconds(), model)
	}
}

// next counts the time to a later token.
func (o *observer) next(model string, took time.Duration) {
	if o != nil {
		o.interToken.Observe(took.Seconds(), model)
	}
}

// guessed counts tokens that were guessed in a step.
func (o *observer) guessed(model string, n, nRight int) {
	if o == nil {
		return
	}
	o.guesses.Add(float64(n), model)
	o.rightGuesses.Add(float64(nRight), model)
	o.mu.Lock()
	defer o.mu.Unlock()
	if t, known := o.models[model]; known || len(o.models) < maxTallied {
		t.nGuessed += int64(n)
		t.nRight += int64(nRight)
		o.models[model] = t
	}
}

// ended counts an answer.
func (o *observer) ended(a answered) {
	if o == nil {
		return
	}
	user := userName(a.user)
	o.answers.Add(1, a.model, user, a.outcome)
	o.prompt.Add(float64(a.nPrompt), a.model, user)
	o.cached.Add(float64(a.nReused), a.model, user)
	o.generated.Add(float64(a.nOut), a.model, user)
	o.duration.Observe(a.took.Seconds(), a.model)

	o.mu.Lock()
	defer o.mu.Unlock()
	if t, known := o.models[a.model]; known || len(o.models) < maxTallied {
		o.models[a.model] = t.with(a)
	}
	if t, known := o.users[a.user]; known || len(o.users) < maxTallied {
		o.users[a.user] = t.with(a)
	}
}

// of returns a model's sums.
func (o *observer) of(model string) tally {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.models[model]
}

// byUser lists the users, those with the most tokens first.
func (o *observer) byUser() (users []auth.User, tallies []tally) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for u := range o.users {
		users = append(users, u)
	}
	work := func(u auth.User) int64 { return o.users[u].nPrompt + o.users[u].nOut }
	slices.SortFunc(users, func(a, b auth.User) int {
		return cmp.Or(cmp.Compare(work(b), work(a)), cmp.Compare(a, b))
	})
	for _, u := range users {
		tallies = append(tallies, o.users[u])
	}
	return users, tallies
}

// gauges makes the metrics that are read off the daemon when asked for.
func (d *daemon) gauges() {
	r := &d.observer.registry
	perModel := func(name, help string, value func(s residence, kv runtime.KVStats) float64) {
		r.Gauge(name, help, []string{"model"}, func(set func(float64, ...string)) {
			for _, s := range d.registry.current() {
				set(value(s, s.model.engine.kv()), s.name)
			}
		})
	}
	perModel("inferd_requests_running", "Requests that are being answered.", func(s residence, _ runtime.KVStats) float64 { return float64(s.model.sched.NRunning()) })
	perModel("inferd_requests_waiting", "Requests that wait.", func(s residence, _ runtime.KVStats) float64 { return float64(waiting(s.model)) })
	perModel("inferd_model_memory_bytes", "Memory that a loaded model takes.", func(s residence, _ runtime.KVStats) float64 { return float64(s.bytes) })
	perModel("inferd_kv_pages", "Pages of the KV cache.", func(_ residence, kv runtime.KVStats) float64 { return float64(kv.NPages) })
	perModel("inferd_kv_pages_used", "Pages that running requests use.", func(_ residence, kv runtime.KVStats) float64 { return float64(kv.NPages - kv.NFree - kv.NEvictable) })
	perModel("inferd_kv_pages_cached", "Pages kept for prompts that may come again.", func(_ residence, kv runtime.KVStats) float64 { return float64(kv.NCached) })
	perUser := func(name, help string, value func(sched.Load) int) {
		r.Gauge(name, help, []string{"model", "user"}, func(set func(float64, ...string)) {
			for _, s := range d.registry.current() {
				for _, l := range s.model.sched.Loads() {
					set(float64(value(l)), s.name, userName(l.User))
				}
			}
		})
	}
	perUser("inferd_user_requests_running", "Requests of a user that are being answered.", func(l sched.Load) int { return l.NRunning })
	perUser("inferd_user_requests_waiting", "Requests of a user that wait.", func(l sched.Load) int { return l.NWaiting })
	perUser("inferd_user_kv_pages_used", "Pages that a user's running requests use.", func(l sched.Load) int { return l.NPages })
	perUser("inferd_user_kv_pages_reserved", "Pages that others leave to a user.", func(l sched.Load) int { return l.NReserved })
	r.Gauge("inferd_user_kv_pages_cached", "Pages kept for a user's prompts that may come again.", []string{"model", "user"}, func(set func(float64, ...string)) {
		for _, s := range d.registry.current() {
			cached := s.model.engine.kvCached()
			for _, user := range slices.Sorted(maps.Keys(cached)) {
				set(float64(cached[user]), s.name, user)
			}
		}
	})
	r.Gauge("inferd_models_known", "Models that can be asked for.", nil, func(set func(float64, ...string)) {
		set(float64(len(d.known.Entries())))
	})
	r.Gauge("inferd_models_loaded", "Models in memory.", nil, func(set func(float64, ...string)) {
		set(float64(len(d.registry.loaded())))
	})
	r.Gauge("inferd_goroutines", "Goroutines of the process.", nil, func(set func(float64, ...string)) {
		set(float64(goruntime.NumGoroutine()))
	})
	r.Gauge("inferd_uptime_seconds", "Time since the start.", nil, func(set func(float64, ...string)) {
		set(time.Since(d.started).Seconds())
	})
	r.Gauge("inferd_resident_bytes", "Resident memory of the process.", nil, func(set func(float64, ...string)) {
		set(float64(residentBytes()))
	})
}

func waiting(m *model) int { return max(0, m.sched.NRequests()-m.sched.NRunning()) }
