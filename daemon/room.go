package daemon

import (
	"fmt"
	"runtime/debug"

	"inferd/daemon/memory"
	"inferd/daemon/serve"
	"inferd/daemon/store"
)

const (
	// headroomBytes stay free for what is no model: requests, tokenizers, the
	// garbage collector's slack.
	headroomBytes = 64 << 20

	// baseBytes are about what the process has without a model.
	baseBytes = 32 << 20

	// leastTokens is the context that a model must have room for to be loaded,
	// if it allows that much and the configuration does not say.
	leastTokens = 2048
)

// freeMemory gives back to the system what the garbage collector has freed.
var freeMemory = debug.FreeOSMemory

// systemMemory is the registry's measure of memory.
func systemMemory() (available, used int64, err error) {
	system := memory.System{Root: "/"}
	if available, _, err = system.Room(); err != nil {
		return 0, 0, err
	}
	used, err = system.Used()
	return available, used, err
}

// need is what loading takes, in bytes.
type need struct {
	fixed   int64 // weights, adapters and scratch memory
	leastKV int64 // keys and values of the smallest context that is of use
	mostKV  int64 // the budget
}

func needOf(v *store.Model) need {
	m := v.Info.Memory
	n := need{fixed: m.WeightBytes + m.ScratchBytes + 2*v.BesideBytes(), mostKV: m.KVBytes}
	tokens := m.NCtx
	if v.Plan.NCtx == 0 {
		tokens = min(tokens, leastTokens)
	}
	if m.KVPageTokens > 0 {
		nPages := int64((tokens + m.KVPageTokens - 1) / m.KVPageTokens)
		n.leastKV = nPages*int64(m.KVPageBytes) + 2*int64(m.StateBytes)
	}
	if m.StateBytes > 0 { // half of the budget is for states
		n.leastKV *= 2
	}
	n.leastKV = min(n.leastKV, n.mostKV)
	return n
}

// makeRoom reserves memory for a slot and returns how much of it is for keys and
// values. Where there is too little, idle models leave, the one used longest ago
// first. The caller has r.turn.
func (r *registry) makeRoom(s *slot) (kvBytes int64, err error) {
	n := needOf(s.version)
	for {
		available, err := r.available()
		if err != nil {
			return 0, fmt.Errorf("measure memory: %w", err)
		}
		if n.fixed+n.leastKV <= available {
			kvBytes = min(n.mostKV, available-n.fixed)
			r.mu.Lock()
			s.bytes = n.fixed + kvBytes
			r.mu.Unlock()
			return kvBytes, nil
		}
		leaving, later := r.makeLeave(s, n.fixed+n.leastKV-available)
		if leaving == nil {
			return 0, &serve.MemoryError{
				Model:          s.name,
				NeededBytes:    n.fixed + n.leastKV,
				AvailableBytes: available,
				InUse:          n.fixed+n.leastKV <= available+later,
			}
		}
		<-leaving.gone
	}
}

// available returns how many bytes another model can have: what the system can
// give, less what loaded models will still touch.
func (r *registry) available() (int64, error) {
	available, used, err := r.memory()
	if err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var taken int64
	for _, s := range r.slots {
		taken += s.bytes
	}
	for s := range r.retired {
		taken += s.bytes
	}
	available -= max(0, taken-max(0, used-baseBytes)) + headroomBytes
	if budget := int64(r.config.MemoryBudget); budget > 0 {
		available = min(available, budget-taken)
	}
	return max(0, available), nil
}

// makeLeave returns a slot whose memory will be free soon: one that is being
// unloaded, an older version of the same model, or an idle model, which is
// unloaded for it. It returns nil if there is none, or if all models together do
// not have the missing bytes: then none leaves in vain. later is what those have
// that could leave sooner or later.
func (r *registry) makeLeave(loading *slot, missing int64) (leaving *slot, later int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var idle int64
	for s := range r.retired {
		if s.bytes > 0 && s != loading && (s.nUsers == 0 || s.name == loading.name) {
			return s, 0
		}
		later += s.bytes
	}
	for _, s := range r.slots {
		if pinned(s.version) || s == loading {
			continue
		}
		later += s.bytes
		if s.nUsers == 0 {
			idle += s.bytes
		}
	}
	victim := r.idlestLocked()
	if victim == nil || idle < missing {
		return nil, later
	}
	r.log.Info("model makes room", "model", victim.name, "for", loading.name)
	r.retireLocked(victim)
	return victim, later
}

// idlestLocked returns the loaded slot that nobody uses and that was used longest
// ago, nil if there is none; r.mu is held.
func (r *registry) idlestLocked() *slot {
	var idlest *slot
	for _, s := range r.slots {
		if s.model == nil || s.nUsers > 0 || pinned(s.version) {
			continue
		}
		if idlest == nil || s.used.Before(idlest.used) {
			idlest = s
		}
	}
	return idlest
}

// shed frees memory because the system is short of it: first what caches keep,
// and when that was not enough, an idle model. It reports whether it has freed
// anything.
func (r *registry) shed() bool {
	shed := false
	for _, m := range r.loaded() {
		if n := m.engine.shed(); n > 0 {
			r.log.Info("memory is short, cached prompts leave", "model", m.name, "bytes", n)
			shed = true
		}
	}
	if !shed {
		r.mu.Lock()
		if s := r.idlestLocked(); s != nil {
			r.log.Info("memory is short, an idle model leaves", "model", s.name)
			r.retireLocked(s)
			shed = true
		}
		r.mu.Unlock()
	}
	return shed
}
