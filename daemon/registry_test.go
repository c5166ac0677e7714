package daemon

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/daemon/prompt"
	"inferd/daemon/serve"
	"inferd/daemon/store"
	"inferd/runtime"
)

const mib = 1 << 20

// sized is a model that takes fixed MiB for weights, and kv MiB for keys and values,
// of which one is enough.
func sized(name string, fixed, kv int64) *store.Model {
	return &store.Model{Name: name, Info: runtime.Info{Memory: runtime.Memory{
		WeightBytes: fixed * mib, KVBytes: kv * mib, NCtx: leastTokens, KVPageTokens: 64, KVPageBytes: mib / (leastTokens / 64),
	}}}
}

// shelf is a registry whose models are fakes, on a machine with a given memory.
type shelf struct {
	*registry
	t     *testing.T
	known fakeKnown
	fail  func() error // what a load fails with, may be nil

	mu      sync.Mutex // guards the fields that follow
	loads   []string
	kvBytes map[string]int64 // that the last load was given
	engines map[string]*fakeEngine
}

// newShelf returns a registry with room for so many MiB of models. It must be
// called in a bubble, which it does not outlive.
func newShelf(t *testing.T, room int64, models ...*store.Model) *shelf {
	s := &shelf{t: t, known: fakeKnown{}, kvBytes: map[string]int64{}, engines: map[string]*fakeEngine{}}
	for _, m := range models {
		s.known[m.Name] = m
	}
	ctx, stop := context.WithCancel(context.Background())
	log := slog.New(slog.DiscardHandler)
	s.registry = newRegistry(ctx, DefaultConfig(), s.known, log)
	s.memory = func() (available, used int64, err error) { return room*mib + headroomBytes, baseBytes, nil }
	s.load = func(v *store.Model, kvBytes int64) (*model, error) {
		time.Sleep(time.Second)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.loads = append(s.loads, v.Name)
		s.kvBytes[v.Name] = kvBytes
		if s.fail != nil {
			if err := s.fail(); err != nil {
				return nil, err
			}
		}
		e := newFakeEngine(t)
		s.engines[v.Name] = e
		return newModel(v.Name, e, prompt.New(e.tokenizer(), ""), DefaultConfig(), log), nil
	}
	t.Cleanup(func() { stop(); s.close() })
	return s
}

// use acquires a model as a request does, and returns how it lets go.
func (s *shelf) use(name string) (leave func()) {
	s.t.Helper()
	slot, err := s.acquire(s.t.Context(), name, nil)
	require.NoError(s.t, err)
	require.NotNil(s.t, slot.model)
	return func() { s.leave(slot) }
}

// touch uses models one after another, a moment apart.
func (s *shelf) touch(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.use(name)()
		time.Sleep(time.Second)
	}
}

// requireLoaded expects new requests to find these models in memory, and others
// to have been freed.
func (s *shelf) requireLoaded(want ...string) {
	s.t.Helper()
	synctest.Wait()
	var names []string
	for _, r := range s.current() {
		names = append(names, r.name)
	}
	require.Equal(s.t, want, names)
	for name, e := range s.engines {
		e.mu.Lock()
		require.Equal(s.t, !slices.Contains(want, name), e.closed, name)
		e.mu.Unlock()
	}
}

// onShelf runs a test in a bubble.
func onShelf(t *testing.T, room int64, models []*store.Model, test func(t *testing.T, s *shelf)) {
	synctest.Test(t, func(t *testing.T) { test(t, newShelf(t, room, models...)) })
}

func abc() []*store.Model {
	return []*store.Model{sized("a", 90, 10), sized("b", 90, 10), sized("c", 90, 10)}
}

func TestIdleModelsMakeRoom(t *testing.T) {
	onShelf(t, 250, abc(), func(t *testing.T, s *shelf) {
		s.touch("a", "b", "a", "c")
		s.requireLoaded("a", "c")
		require.Equal(t, []string{"a", "b", "c"}, s.loads, "who was used longest ago has left")
		require.EqualValues(t, 10*mib, s.kvBytes["c"])
	})
}

func TestModelsInUseStay(t *testing.T) {
	onShelf(t, 250, abc(), func(t *testing.T, s *shelf) {
		leaveA, leaveC := s.use("a"), s.use("c")
		_, err := s.acquire(t.Context(), "b", nil)
		e, ok := errors.AsType[*serve.MemoryError](err)
		require.True(t, ok, err)
		require.Equal(t, serve.MemoryError{Model: "b", NeededBytes: 91 * mib, AvailableBytes: 50 * mib, InUse: true}, *e)
		s.requireLoaded("a", "c")
		leaveA()
		s.use("b")()
		leaveC()
		s.requireLoaded("b", "c")
	})
}

func TestNoModelLeavesInVain(t *testing.T) {
	pinned := sized("pinned", 90, 10)
	pinned.Settings.Pin = true
	onShelf(t, 250, append(abc(), pinned, sized("big", 170, 0), sized("huge", 300, 0)), func(t *testing.T, s *shelf) {
		s.touch("pinned", "a")
		for _, name := range []string{"big", "huge"} {
			_, err := s.acquire(t.Context(), name, nil)
			e, ok := errors.AsType[*serve.MemoryError](err)
			require.True(t, ok, err)
			require.False(t, e.InUse, "waiting does not help")
			s.requireLoaded("a", "pinned")
		}
		s.touch("b")
		s.requireLoaded("b", "pinned")
	})
}

func TestShortMemoryMakesSmallCaches(t *testing.T) {
	onShelf(t, 250, []*store.Model{sized("a", 200, 100)}, func(t *testing.T, s *shelf) {
		s.touch("a")
		require.EqualValues(t, 50*mib, s.kvBytes["a"])
	})
}

func TestMemoryBudgetHolds(t *testing.T) {
	onShelf(t, 1000, abc(), func(t *testing.T, s *shelf) {
		c := DefaultConfig()
		c.MemoryBudget = 210 * mib
		s.setConfig(c)
		s.touch("a", "b")
		s.requireLoaded("a", "b")
		s.touch("c")
		s.requireLoaded("b", "c")
	})
}

func TestKeepAlive(t *testing.T) {
	brief := sized("brief", 1, 1)
	brief.Settings.KeepAlive = new(time.Duration)
	onShelf(t, 250, append(abc(), brief), func(t *testing.T, s *shelf) {
		s.use("a")()
		time.Sleep(5*time.Minute - time.Second)
		s.requireLoaded("a")
		s.use("a")() // the time begins anew
		time.Sleep(5*time.Minute - time.Second)
		s.requireLoaded("a")
		leave := s.use("a")
		time.Sleep(time.Hour)
		s.requireLoaded("a")
		leave()
		time.Sleep(5*time.Minute + time.Second)
		s.requireLoaded()

		s.use("brief")()
		s.requireLoaded()
		forever := serve.Forever
		slot, err := s.acquire(t.Context(), "brief", &forever)
		require.NoError(t, err)
		s.leave(slot)
		time.Sleep(1000 * time.Hour)
		s.requireLoaded("brief")
	})
}

func TestReplacedModelStaysWithItsRequests(t *testing.T) {
	onShelf(t, 250, abc(), func(t *testing.T, s *shelf) {
		leave := s.use("a")
		old := s.engines["a"]
		s.known["a"] = sized("a", 80, 10)
		s.update("a")
		s.use("a")()
		require.NotSame(t, old, s.engines["a"])
		require.False(t, old.closed)
		leave()
		synctest.Wait()
		require.True(t, old.closed)
		s.requireLoaded("a")

		leave = s.use("a")
		delete(s.known, "a")
		s.update("a")
		_, err := s.acquire(t.Context(), "a", nil)
		_, unknown := errors.AsType[*serve.UnknownError](err)
		require.True(t, unknown, err)
		require.False(t, s.engines["a"].closed)
		leave()
		s.requireLoaded()
	})
}

func TestOneLoadForAllWhoWait(t *testing.T) {
	onShelf(t, 250, abc(), func(t *testing.T, s *shelf) {
		nFailed := 0
		s.fail = func() error {
			if nFailed++; nFailed == 1 {
				return errors.New("bad blocks")
			}
			return nil
		}
		var waiting sync.WaitGroup
		for range 3 {
			waiting.Go(func() {
				_, err := s.acquire(t.Context(), "a", nil)
				if e, ok := errors.AsType[*serve.LoadError](err); !ok || e.Model != "a" {
					t.Errorf("got %v, want a LoadError", err)
				}
			})
		}
		gone, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := s.acquire(gone, "a", nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		waiting.Wait()
		require.Equal(t, []string{"a"}, s.loads)
		s.requireLoaded()
		s.touch("a")
		s.requireLoaded("a")
	})
}

func TestFileThatChangesIsLookedAtAgain(t *testing.T) {
	onShelf(t, 250, abc(), func(t *testing.T, s *shelf) {
		n := 0
		s.fail = func() error {
			if n++; n <= 3 {
				return store.ErrChanged
			}
			return nil
		}
		s.touch("a")
		require.Len(t, s.loads, 4)
		n = -maxChanged
		s.drop("a")
		_, err := s.acquire(t.Context(), "a", nil)
		require.ErrorIs(t, err, store.ErrChanged, "not for ever")
	})
}

func TestPanicWhileLoadingIsAnError(t *testing.T) {
	onShelf(t, 250, abc(), func(t *testing.T, s *shelf) {
		s.touch("b")
		s.fail = func() error { panic("index out of range") }
		_, err := s.acquire(t.Context(), "a", nil)
		_, ok := errors.AsType[*serve.LoadError](err)
		require.True(t, ok, err)
		s.fail = nil
		s.touch("a")
		s.requireLoaded("a", "b")
	})
}

func TestShedding(t *testing.T) {
	pinned := sized("pinned", 10, 10)
	pinned.Settings.Pin = true
	onShelf(t, 1000, append(abc(), pinned), func(t *testing.T, s *shelf) {
		s.touch("pinned", "a", "b")
		leave := s.use("c")
		s.engines["b"].cached, s.engines["c"].cached = 5, 7
		require.True(t, s.shed(), "what is cached goes first")
		require.Zero(t, s.engines["b"].cached+s.engines["c"].cached)
		s.requireLoaded("a", "b", "c", "pinned")
		require.True(t, s.shed(), "then the idle model that was used longest ago")
		s.requireLoaded("b", "c", "pinned")
		require.True(t, s.shed())
		require.False(t, s.shed(), "what is pinned, and what is in use, stays")
		s.requireLoaded("c", "pinned")
		leave()
		require.True(t, s.shed())
		s.requireLoaded("pinned")
	})
}

func TestStoppedRegistryLoadsNothing(t *testing.T) {
	onShelf(t, 250, abc(), func(t *testing.T, s *shelf) {
		leave := s.use("a")
		s.stopLoading()
		_, err := s.acquire(t.Context(), "a", nil)
		require.ErrorIs(t, err, serve.ErrStopping)
		leave()
	})
}

// TestIdleExit: the daemon ends when the last request is so long ago, not while
// one runs.
func TestIdleExit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &daemon{idleExit: time.Minute, log: slog.New(slog.DiscardHandler)}
		began := time.Now()
		var last time.Time
		ended := make(chan bool)
		go func() { ended <- d.waitIdle(t.Context()) }()
		serving := d.activity.watch(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			time.Sleep(5 * time.Minute)
			last = time.Now()
		}))
		time.Sleep(30 * time.Second)
		serving.ServeHTTP(nil, nil)
		require.True(t, <-ended)
		require.Equal(t, 6*time.Minute+30*time.Second, time.Since(began).Round(2*time.Second), "a minute after the last one")
		require.Equal(t, last.Add(time.Minute).Unix(), time.Now().Unix())

		ctx, stop := context.WithCancel(t.Context())
		go func() { ended <- d.waitIdle(ctx) }()
		stop()
		require.False(t, <-ended, "told to end")
	})
}
