package runtime

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/kernels"
)

// testPool returns a pool of small pages.
func testPool(t testing.TB, nPages int) *pagePool {
	t.Helper()
	p, err := newPagePool(newKVLayout(uniformKV(1, kvSpec{nKVHeads: 1, kDim: 1, vDim: 1}), kernels.F16), nPages)
	require.NoError(t, err)
	t.Cleanup(p.close)
	return p
}

func TestKVLayout(t *testing.T) {
	l := newKVLayout([]kvSpec{{2, 16, 24, 0}, {0, 0, 0, 0}, {1, 8, 8, 0}}, kernels.F16)
	end := pageTokens * 4 // the tokens come first
	for i, kv := range l.layers {
		require.GreaterOrEqual(t, kv.KOffset, end, "layer %d", i)
		require.GreaterOrEqual(t, kv.VOffset, kv.KOffset+kv.KBytes())
		require.Zero(t, kv.KOffset%vectorAlign+kv.VOffset%vectorAlign)
		end = kv.VOffset + kv.VBytes()
	}
	require.GreaterOrEqual(t, l.pageBytes, end)
	require.Less(t, l.pageBytes, end+vectorAlign)
}

func TestPagePoolAccounts(t *testing.T) {
	p := testPool(t, 3)
	a, ok := p.take(nil, 2)
	require.True(t, ok)
	require.Equal(t, 1, p.stats().NFree)
	_, ok = p.take(nil, 2)
	require.False(t, ok, "more than there are")
	require.Equal(t, 1, p.stats().NFree, "a take that fails takes nothing")

	for i := range p.page(a[0]) {
		p.page(a[0])[i] = 0xff
	}
	p.release(a)
	require.Equal(t, 3, p.stats().NFree)
	all, ok := p.take(nil, 3)
	require.True(t, ok)
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(all))), 3)
	for _, id := range all {
		require.Zero(t, slices.Max(p.page(id)), "pages are cleared when freed")
	}
}

// fillPage gives a page the tokens base, base+1, …
func fillPage(p *pagePool, id pageID, base Token) []Token {
	tokens := p.tokens(id)
	for i := range tokens {
		tokens[i] = base + Token(i)
	}
	return slices.Clone(tokens)
}

// publishChain takes n pages, fills them and publishes them for user. The pages
// stay the caller's.
func publishChain(t *testing.T, p *pagePool, user string, n int, base Token) (ids []pageID, tokens []Token) {
	t.Helper()
	ids, ok := p.take(nil, n)
	require.True(t, ok)
	for i, id := range ids {
		tokens = append(tokens, fillPage(p, id, base+Token(1000*i))...)
	}
	p.publish(user, "", 0, ids)
	return ids, tokens
}

func TestPrefixReuse(t *testing.T) {
	p := testPool(t, 8)
	ids, tokens := publishChain(t, p, "a", 3, 0)

	require.Equal(t, ids, p.reuse("a", "", tokens, nil), "all of it")
	require.Equal(t, ids[:2], p.reuse("a", "", tokens[:3*pageTokens-1], nil), "whole pages only")
	require.Empty(t, p.reuse("a", "", tokens[1:], nil), "only from the beginning")
	require.Empty(t, p.reuse("b", "", tokens, nil), "never another user's")
	require.Empty(t, p.reuse("a", "", slices.Repeat([]Token{7}, 200), nil))

	other := slices.Clone(tokens)
	other[2*pageTokens-1]++
	require.Equal(t, ids[:1], p.reuse("a", "", other, nil), "up to the first page that differs")
	require.Empty(t, p.reuse("a", "", tokens[pageTokens:], nil), "a page belongs to what was before it")
}

// The tokens are compared even where the key agrees.
func TestPrefixComparesTokens(t *testing.T) {
	p := testPool(t, 2)
	ids, tokens := publishChain(t, p, "a", 1, 0)
	p.tokens(ids[0])[5]++ // as if two prompts had one key
	require.Empty(t, p.reuse("a", "", tokens, nil))
}

func TestPrefixEviction(t *testing.T) {
	p := testPool(t, 4)
	old, oldTokens := publishChain(t, p, "a", 2, 0)
	p.release(old)
	recent, recentTokens := publishChain(t, p, "a", 2, 500)
	p.release(recent)
	require.Equal(t, KVStats{PageTokens: 64, PageBytes: p.layout.pageBytes, NPages: 4, NCached: 4, NEvictable: 4}, p.stats())

	p.release(p.reuse("a", "", oldTokens, nil)) // now the other chain is the older one
	taken, ok := p.take(nil, 1)
	require.True(t, ok)
	require.Equal(t, recent[1:], taken, "the least recently used page, from the end of its chain")
	require.Equal(t, recent[:1], p.reuse("a", "", recentTokens, nil))

	_, ok = p.take(nil, 3)
	require.False(t, ok, "a page in use is not evicted")
	require.Equal(t, KVStats{PageTokens: 64, PageBytes: p.layout.pageBytes, NPages: 4, NFree: 2, NCached: 1}, p.stats())
}

// One user's flood displaces that user's own pages, not those of others.
func TestPrefixEvictsTheFlooder(t *testing.T) {
	p := testPool(t, 8)
	quiet, quietTokens := publishChain(t, p, "quiet", 2, 0)
	p.release(quiet)
	for i := range 20 {
		ids, _ := publishChain(t, p, "flood", 1, Token(100*i+7))
		p.release(ids)
	}
	require.Equal(t, quiet, p.reuse("quiet", "", quietTokens, nil))
}

// A chain whose first page was evicted while its last was in use is not found,
// is replaced when published again, and loses no page.
func TestPrefixOrphan(t *testing.T) {
	p := testPool(t, 6)
	first, tokens := publishChain(t, p, "a", 1, 0)
	own, ok := p.take(nil, 2) // the same first page, computed at the same time
	require.True(t, ok)
	copy(p.tokens(own[0]), tokens)
	tokens = append(tokens, fillPage(p, own[1], 9000)...)
	p.publish("a", "", 0, own) // own[0] is a duplicate; own[1] hangs on first[0]
	require.Equal(t, 2, p.stats().NCached)
	p.release(first)

	rest, ok := p.take(nil, 4) // evicts first[0]; own[1] is in use
	require.True(t, ok)
	require.Contains(t, rest, first[0])
	require.Empty(t, p.reuse("a", "", tokens, nil))

	p.publish("a", "", 0, own)
	require.Equal(t, own, p.reuse("a", "", tokens, nil))
	p.release(own)
	p.release(own)
	p.release(rest)
	require.Equal(t, KVStats{PageTokens: 64, PageBytes: p.layout.pageBytes, NPages: 6, NFree: 4, NCached: 2, NEvictable: 2}, p.stats())
}

// A user whose cached pages are within its reserve loses none to others, even
// if these have fewer each.
func TestPrefixReserve(t *testing.T) {
	p := testPool(t, 8)
	ids, ok := p.take(nil, 6)
	require.True(t, ok)
	var tokens []Token
	for i, id := range ids {
		tokens = append(tokens, fillPage(p, id, Token(1000*i))...)
	}
	p.publish("quiet", "", 6, ids)
	p.release(ids)
	for i := range 50 {
		flood, _ := publishChain(t, p, fmt.Sprint("flood ", i%3), 1, Token(100*i+7))
		p.release(flood)
	}
	require.Equal(t, ids, p.reuse("quiet", "", tokens, nil))
	p.release(ids)

	taken, ok := p.take(nil, 4)
	require.True(t, ok, "running answers come before cached prompts, in reserve or not")
	require.Equal(t, ids[:4], p.reuse("quiet", "", tokens, nil))
	p.release(ids[:4])
	p.release(taken)
}

func TestShed(t *testing.T) {
	p := testPool(t, 8)
	own, ownTokens := publishChain(t, p, "a", 2, 0)
	old, oldTokens := publishChain(t, p, "a", 3, 500)
	p.release(old)
	require.EqualValues(t, 3*p.layout.pageBytes, p.shed(), "what is in use stays")
	require.Empty(t, p.reuse("a", "", oldTokens, nil))
	require.Equal(t, ownTokens[:pageTokens], p.tokens(own[0]))
	require.Equal(t, 6, p.stats().NFree)
	_, ok := p.take(nil, 6) // checks that they are clear
	require.True(t, ok)
}

// A daemon may find memory short while it unloads a model.
func TestShedAfterClose(t *testing.T) {
	p := testPool(t, 8)
	cached, _ := publishChain(t, p, "a", 2, 0)
	p.release(cached)
	p.close()
	p.dropUnused(time.Now())
	require.Zero(t, p.shed())
	require.Zero(t, p.stats().NCached)
}

var nOps = flag.Int("ops", 20_000, "operations of TestPagePoolRandomly")

// Whatever users do with the same prompts, every page is free, cached or held,
// reuse gives a user pages that were made for it, and free pages are zero.
func TestPagePoolRandomly(t *testing.T) {
	const nPages, nUsers = 24, 3
	rng := rand.New(rand.NewPCG(3, 4))
	p := testPool(t, nPages)
	type holder struct {
		user string
		ids  []pageID
	}
	var held []holder
	drop := func(i int) {
		p.release(held[i].ids)
		held = slices.Delete(held, i, i+1)
	}
	owner := map[pageID]string{}
	nReused := 0
	for range *nOps {
		user := fmt.Sprint("user ", rng.IntN(nUsers))
		switch rng.IntN(4) {
		case 0, 1: // a session that begins like others of its user
			prompt := make([]Token, 0, 4*pageTokens)
			for i := range 1 + rng.IntN(4) {
				base := Token(rng.IntN(2)) + Token(10*i)
				for range pageTokens {
					prompt = append(prompt, base)
				}
			}
			h := holder{user: user, ids: p.reuse(user, "", prompt, nil)}
			for i, id := range h.ids {
				if owner[id] != user || !slices.Equal(prompt[i*pageTokens:][:pageTokens], p.tokens(id)) {
					t.Fatalf("%s reuses a page of %s", user, owner[id])
				}
				nReused++
			}
			reused := len(h.ids)
			more, ok := p.take(h.ids, len(prompt)/pageTokens-reused)
			h.ids = more
			for i := reused; ok && i < len(h.ids); i++ {
				owner[h.ids[i]] = user
				if slices.Max(p.page(h.ids[i])) != 0 {
					t.Fatal("a page that is taken is not zero")
				}
				copy(p.tokens(h.ids[i]), prompt[i*pageTokens:])
			}
			if ok && rng.IntN(3) > 0 {
				p.publish(user, "", 0, h.ids)
			}
			held = append(held, h)
			if !ok {
				drop(len(held) - 1)
			}
		default:
			if len(held) > 0 {
				drop(rng.IntN(len(held)))
			}
		}
		inUse := map[pageID]int32{}
		for _, h := range held {
			for _, id := range h.ids {
				inUse[id]++
			}
		}
		s := p.stats()
		nHeldOnly := 0
		for id := range pageID(nPages) {
			cached := p.refs[id] - inUse[id]
			if cached != 0 && cached != 1 {
				t.Fatalf("page %d has %d users and is in use %d times", id, p.refs[id], inUse[id])
			}
			if idle := p.prefix.ofPage[id] != nil && p.prefix.ofPage[id].idle; idle != (cached == 1 && inUse[id] == 0) {
				t.Fatalf("page %d: idle is %t", id, idle)
			}
			if cached == 0 && inUse[id] > 0 {
				nHeldOnly++
			}
		}
		if s.NFree+s.NCached+nHeldOnly != nPages {
			t.Fatalf("%+v, %d held", s, nHeldOnly)
		}
	}
	require.NotZero(t, nReused)
	for len(held) > 0 {
		drop(0)
	}
	s := p.stats()
	require.Equal(t, s.NCached, s.NEvictable)
	all, ok := p.take(nil, nPages)
	require.True(t, ok, "everything can be had in the end")
	require.Empty(t, p.prefix.users, "a user's key goes with the last page")
	require.Len(t, all, nPages)
}

// TestUnusedPromptsAreForgotten: cached pages leave when their last use is long
// ago, those of all users, and those in use do not.
func TestUnusedPromptsAreForgotten(t *testing.T) {
	p := testPool(t, 8)
	before := time.Now()
	old, oldTokens := publishChain(t, p, "a", 2, 0)
	p.release(old)
	other, _ := publishChain(t, p, "b", 1, 100)
	p.release(other)
	used, usedTokens := publishChain(t, p, "a", 1, 200)
	time.Sleep(time.Millisecond)
	between := time.Now()
	recent, recentTokens := publishChain(t, p, "a", 1, 300)
	p.release(recent)

	p.dropUnused(before.Add(-time.Second))
	require.Equal(t, 5, p.stats().NCached)
	p.dropUnused(between)
	require.Equal(t, 2, p.stats().NCached)
	require.Empty(t, p.reuse("a", "", oldTokens, nil))
	require.Equal(t, used, p.reuse("a", "", usedTokens, nil), "in use")
	require.Equal(t, recent, p.reuse("a", "", recentTokens, nil), "used a moment ago")
	require.NotContains(t, p.prefix.users, "b", "the key goes with the last page")
	for _, id := range p.free {
		require.Zero(t, slices.Max(p.page(id)), "cleared")
	}
}
