package auth

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"inferd/daemon/conf"
)

// Names looks up what a policy calls people and groups by.
type Names struct {
	UID func(user string) (uint32, error)
	GID func(group string) (uint32, error)
}

// ParsePolicy reads a policy in TOML:
//
//	contact = "the library's office, room 12"   # whom those may ask who are refused
//
//	[default]             # peers that no rule names; without it they may use every model
//	refuse = true
//
//	[[rule]]              # the first rule that names a peer decides
//	users  = ["kiosk", 1001]
//	groups = ["staff"]    # as the peer's group or one of its supplementary groups
//	models = ["demo", "llama-*"]
//	priority = "interactive"
//	weight = 2
//	kv-reserve = 0.25
//	tokens-per-sec = 100.0
//	max-running = 4
//	admin = false
//
// Numbers are ids; names are looked up once, here. Root and the daemon's own
// user are granted everything that no rule takes away. What all users together
// have in reserve is at most MaxKVReserve, a group counting as one of its members.
// An error names the line.
func ParsePolicy(text string, names Names) (Policy, error) {
	var file policyFile
	meta, err := toml.Decode(text, &file)
	if err != nil {
		return nil, conf.AtLine(err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		key := unknown[0]
		return nil, fmt.Errorf("%sunknown key %q", place(text, `\[*\s*"?`+regexp.QuoteMeta(key[len(key)-1])+`"?\s*[=\]]`, 0, 1), key.String())
	}
	atRule := func(i int, err error) error {
		return fmt.Errorf("%srule %d: %w", place(text, `\[\[\s*"?rule"?\s*\]\]`, i, len(file.Rules)), i+1, err)
	}
	atDefault := func(err error) error {
		return fmt.Errorf("%sdefault: %w", place(text, `\[\s*"?default"?\s*\]`, 0, 1), err)
	}
	rules := make([]rule, len(file.Rules))
	for i, r := range file.Rules {
		if rules[i], err = r.rule(names, file.Contact); err != nil {
			return nil, atRule(i, err)
		}
	}
	if len(file.Default.Users)+len(file.Default.Groups) > 0 {
		return nil, atDefault(errors.New("names no users or groups, it is for all others"))
	}
	other, err := file.Default.grant(file.Contact)
	if err != nil {
		return nil, atDefault(err)
	}
	if i, err := checkReserves(rules, other); err != nil && i < len(rules) {
		return nil, atRule(i, err)
	} else if err != nil {
		return nil, atDefault(err)
	}
	return func(p Peer) Grant { return decide(p, rules, other) }, nil
}

// place names the line of one of n places that a pattern finds at the beginning of
// lines, as an error begins; it is empty unless exactly so many are found.
func place(text, pattern string, i, n int) string {
	found := regexp.MustCompile(`(?m)^\s*`+pattern).FindAllStringIndex(text, -1)
	if len(found) != n {
		return ""
	}
	return fmt.Sprintf("line %d: ", 1+strings.Count(text[:found[i][1]], "\n"))
}

// checkReserves returns an error, and the rule that it is about or their number
// for the default, if users have more in reserve together than there is.
func checkReserves(rules []rule, other Grant) (int, error) {
	total := 0.0
	known := map[uint32]bool{} // whose rule came before
	for i, r := range append(slices.Clip(rules), rule{gids: []uint32{0}, grant: other}) {
		n := min(1, len(r.gids))
		for _, uid := range r.uids {
			if !known[uid] {
				known[uid] = true
				n++
			}
		}
		reserve := r.grant.Share.KVReserve
		total += float64(n) * reserve
		if reserve > 0 && total > MaxKVReserve+1e-9 { // sums of tenths are not exact
			return i, fmt.Errorf("kv-reserve: users would have %.4g in reserve together, at most %g is possible", total, MaxKVReserve)
		}
	}
	return 0, nil
}

// decide finds the rule for a peer.
func decide(p Peer, rules []rule, other Grant) Grant {
	grant := other
	i := slices.IndexFunc(rules, func(r rule) bool { return r.names(p) })
	switch {
	case i >= 0:
		grant = rules[i].grant
	case isOwner(p.UID):
		grant = Default(p)
	}
	grant.User = User(p.UID)
	return grant
}

// policyFile is what a policy's TOML holds.
type policyFile struct {
	Contact string     `toml:"contact"`
	Default ruleText   `toml:"default"`
	Rules   []ruleText `toml:"rule"`
}

type ruleText struct {
	Users        []any    `toml:"users"`
	Groups       []any    `toml:"groups"`
	Refuse       bool     `toml:"refuse"`
	Models       []string `toml:"models"`
	Priority     string   `toml:"priority"`
	Weight       int      `toml:"weight"`
	KVReserve    float64  `toml:"kv-reserve"`
	TokensPerSec float64  `toml:"tokens-per-sec"`
	MaxRunning   int      `toml:"max-running"`
	Admin        bool     `toml:"admin"`
}

// rule grants the same to several peers.
type rule struct {
	uids, gids []uint32
	grant      Grant
}

func (r rule) names(p Peer) bool {
	return slices.Contains(r.uids, p.UID) || slices.Contains(r.gids, p.GID) ||
		slices.ContainsFunc(p.Groups, func(gid uint32) bool { return slices.Contains(r.gids, gid) })
}

// rule looks the names up.
func (t ruleText) rule(names Names, contact string) (r rule, err error) {
	if len(t.Users)+len(t.Groups) == 0 {
		return r, errors.New("names no users and no groups, so nobody is meant")
	}
	if r.uids, err = ids(t.Users, "users", names.UID); err != nil {
		return r, err
	}
	if r.gids, err = ids(t.Groups, "groups", names.GID); err != nil {
		return r, err
	}
	r.grant, err = t.grant(contact)
	return r, err
}

// ids turns names and numbers into numbers.
func ids(values []any, key string, lookUp func(string) (uint32, error)) ([]uint32, error) {
	list := make([]uint32, 0, len(values))
	for _, value := range values {
		switch value := value.(type) {
		case int64:
			if value < 0 || value >= 1<<32-1 {
				return nil, fmt.Errorf("%s: %d is no id", key, value)
			}
			list = append(list, uint32(value))
		case string:
			id, err := lookUp(value)
			if err != nil {
				return nil, fmt.Errorf("%s: %q: %w", key, value, err)
			}
			list = append(list, id)
		default:
			return nil, fmt.Errorf("%s: want names and numbers, found a %T", key, value)
		}
	}
	return list, nil
}

// lanes are the priorities by name.
var lanes = map[string]Lane{"": Normal, "background": Background, "normal": Normal, "interactive": Interactive}

const maxWeight = 1000

// grant is what the rule allows, save the user.
func (t ruleText) grant(contact string) (Grant, error) {
	lane, ok := lanes[t.Priority]
	switch {
	case !ok:
		return Grant{}, fmt.Errorf("priority: want background, normal or interactive, found %q", t.Priority)
	case t.Weight < 0 || t.Weight > maxWeight:
		return Grant{}, fmt.Errorf("weight: want 1 to %d, found %d", maxWeight, t.Weight)
	case !(t.KVReserve >= 0 && t.KVReserve <= MaxKVReserve):
		return Grant{}, fmt.Errorf("kv-reserve: want 0 to %g, found %g", MaxKVReserve, t.KVReserve)
	case !(t.TokensPerSec >= 0 && t.TokensPerSec <= 1e9):
		return Grant{}, fmt.Errorf("tokens-per-sec: want 0 or more, found %g", t.TokensPerSec)
	case t.MaxRunning < 0:
		return Grant{}, fmt.Errorf("max-running: want 0 or more, found %d", t.MaxRunning)
	}
	for _, pattern := range t.Models {
		if _, err := path.Match(pattern, ""); err != nil {
			return Grant{}, fmt.Errorf("models: %s: %w", strconv.Quote(pattern), err)
		}
	}
	g := Grant{Contact: contact}
	if t.Refuse {
		return g, nil
	}
	g.Allowed = ListModels | Generate
	if t.Admin {
		g.Allowed |= Administer
	}
	g.Models = t.Models
	g.Share = Share{Lane: lane, Weight: t.Weight, KVReserve: t.KVReserve, TokensPerSec: t.TokensPerSec, MaxConcurrency: t.MaxRunning}
	return g, nil
}
