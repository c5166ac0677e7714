package runtime

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"
	"time"
)

// prefixCache keeps full pages of ended or running sessions, so that a later
// session of the same user that begins with the same tokens need not compute
// them again. Keys and values do not depend on how a prompt was cut or batched,
// so a reused page is bit for bit what computing it again would give.
//
// Nothing is shared between users: each has a random key, a page is found by
// the HMAC of its tokens and everything before them under that key, and the
// tokens themselves are compared before the page is used. An entry keeps its
// page by being one of its users in the pool; the pool's lock guards the cache.
type prefixCache struct {
	users  map[string]*prefixUser
	ofPage []*prefixEntry // of each page that is cached, else nil
}

type prefixKey [sha256.Size]byte

// prefixEntry is one cached page and its place in a chain of pages.
type prefixEntry struct {
	user       *prefixUser
	key        prefixKey
	page       pageID
	parent     *prefixEntry // the page before, nil for the first
	idle       bool         // in the user's list: no session uses the page
	idleSince  time.Time
	prev, next *prefixEntry
}

// prefixUser is what the cache keeps for one user.
type prefixUser struct {
	name     string
	nReserve int       // pages that others leave to it as long as they can
	mac      hash.Hash // HMAC-SHA256 under the user's random key
	entries  map[prefixKey]*prefixEntry
	// The ends of the list of idle entries. A chain's use moves its last page
	// first and its first page last to the front, so a page is always more recent
	// than those after it, and the back of the list never has an idle page that
	// depends on it.
	front, back *prefixEntry
	nIdle       int
	buf         []byte
}

// user returns the record of a user, made where it is missing.
func (c *prefixCache) user(name string) *prefixUser {
	if u := c.users[name]; u != nil {
		return u
	}
	if c.users == nil {
		c.users = map[string]*prefixUser{}
	}
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails
	u := &prefixUser{name: name, mac: hmac.New(sha256.New, key), entries: map[prefixKey]*prefixEntry{}}
	clear(key)
	c.users[name] = u
	return u
}

// sum returns the key of the page that holds tokens and follows parent. variant
// tells apart timelines whose keys and values are not those of their tokens
// alone.
func (u *prefixUser) sum(parent *prefixEntry, variant string, tokens []Token) (k prefixKey) {
	u.mac.Reset()
	u.buf = u.buf[:0]
	if parent != nil {
		u.buf = append(u.buf, parent.key[:]...)
	}
	u.buf = append(u.buf, variant...)
	for _, t := range tokens {
		u.buf = binary.LittleEndian.AppendUint32(u.buf, uint32(t))
	}
	u.mac.Write(u.buf)
	clear(u.buf)
	u.mac.Sum(k[:0])
	return k
}

// find returns the entry of the page that holds tokens and follows parent.
func (u *prefixUser) find(p *pagePool, parent *prefixEntry, variant string, tokens []Token) (*prefixEntry, prefixKey) {
	key := u.sum(parent, variant, tokens)
	e := u.entries[key]
	if e != nil && e.parent == parent && slices.Equal(p.tokens(e.page), tokens) {
		return e, key
	}
	return nil, key
}

// reuse appends to ids the pages of user's longest cached prefix of prompt and
// makes the caller a user of each.
func (p *pagePool) reuse(user, variant string, prompt []Token, ids []pageID) []pageID {
	p.mu.Lock()
	defer p.mu.Unlock()
	u := p.prefix.users[user]
	if u == nil {
		return ids
	}
	var last *prefixEntry
	nOwn := len(ids)
	for ; len(prompt) >= pageTokens; prompt = prompt[pageTokens:] {
		e, _ := u.find(p, last, variant, prompt[:pageTokens])
		if e == nil {
			break
		}
		p.refs[e.page]++
		u.unlink(e)
		ids = append(ids, e.page)
		last = e
	}
	return p.dropUnchecked(ids, nOwn, last)
}

// publish offers a session's full pages to later sessions of user, of which
// nReserve are not displaced by those of others.
func (p *pagePool) publish(user, variant string, nReserve int, pages []pageID) {
	if len(pages) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	u := p.prefix.user(user)
	u.nReserve = nReserve
	var last *prefixEntry
	for _, id := range pages {
		e, key := u.find(p, last, variant, p.tokens(id))
		if e == nil {
			p.dropEntry(u, u.entries[key])
			e = &prefixEntry{user: u, key: key, page: id, parent: last}
			u.entries[key], p.prefix.ofPage[id] = e, e
			p.refs[id]++
		}
		last = e
	}
	u.touch(last)
}

// dropEntry forgets an entry that stands where a new one belongs: its page
// before was evicted while a session still used its own, so that no look-up can
// reach it any more. e may be nil.
func (p *pagePool) dropEntry(u *prefixUser, e *prefixEntry) {
	if e == nil {
		return
	}
	p.prefix.forget(e)
	if p.refs[e.page]--; p.refs[e.page] == 0 {
		p.toFree(e.page)
	}
}

// forget takes an entry out of the cache. The page keeps the use that the entry
// was.
func (c *prefixCache) forget(e *prefixEntry) {
	e.user.unlink(e)
	delete(e.user.entries, e.key)
	c.ofPage[e.page] = nil
}

// touch marks an entry and all before it as just used. Those that sessions use
// are marked when they are let go.
func (u *prefixUser) touch(e *prefixEntry) {
	for ; e != nil; e = e.parent {
		if e.idle {
			u.unlink(e)
			u.pushFront(e)
		}
	}
}

// pushFront puts an entry that is not in the list at its front.
func (u *prefixUser) pushFront(e *prefixEntry) {
	e.idle, e.idleSince = true, time.Now()
	u.nIdle++
	e.next = u.front
	if u.front != nil {
		u.front.prev = e
	} else {
		u.back = e
	}
	u.front = e
}

// unlink takes an entry out of the list; one that is not in it stays as it is.
func (u *prefixUser) unlink(e *prefixEntry) {
	if !e.idle {
		return
	}
	e.idle = false
	u.nIdle--
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		u.front = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		u.back = e.prev
	}
	e.prev, e.next = nil, nil
}

// evict drops one page that only the cache keeps, and returns it: the least
// recently used one of the user who has most of them beyond its reserve, so that
// a flood of one user's prompts displaces that user's own pages first.
func (c *prefixCache) evict() (pageID, bool) {
	var from *prefixUser
	for _, u := range c.users {
		if u.nIdle > 0 && (from == nil || u.isBefore(from)) {
			from = u
		}
	}
	if from == nil {
		return 0, false
	}
	return c.dropBack(from), true
}

// dropBack drops the least recently used one of a user's idle pages.
func (c *prefixCache) dropBack(u *prefixUser) pageID {
	e := u.back
	c.forget(e)
	if len(u.entries) == 0 {
		delete(c.users, u.name) // the random key goes with the last page
	}
	return e.page
}

// dropUnused clears cached pages that no session has used since a time.
func (p *pagePool) dropUnused(since time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, u := range p.prefix.users {
		for u.back != nil && !u.back.idleSince.After(since) {
			id := p.prefix.dropBack(u)
			p.refs[id] = 0
			p.toFree(id)
		}
	}
}

// isBefore reports whether u loses a page rather than v. Names decide between
// equals, so that it does not depend on the order of a map.
func (u *prefixUser) isBefore(v *prefixUser) bool {
	a, b := u.nIdle-u.nReserve, v.nIdle-v.nReserve
	return a > b || a == b && u.name < v.name
}

// KVCached returns how many pages the prefix cache keeps for each user.
func (e *Engine) KVCached() map[string]int {
	e.kv.mu.Lock()
	defer e.kv.mu.Unlock()
	n := make(map[string]int, len(e.kv.prefix.users))
	for name, u := range e.kv.prefix.users {
		n[name] = len(u.entries)
	}
	return n
}

// count returns how many pages the cache keeps, and how many it alone keeps.
func (c *prefixCache) count() (cached, evictable int) {
	for _, u := range c.users {
		cached += len(u.entries)
		evictable += u.nIdle
	}
	return cached, evictable
}
