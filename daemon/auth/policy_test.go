package auth

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// testNames knows two people and a group.
var testNames = Names{
	UID: func(name string) (uint32, error) {
		id, ok := map[string]uint32{"kiosk": 500, "anna": 1000}[name]
		if !ok {
			return 0, errors.New("no such user")
		}
		return id, nil
	},
	GID: func(name string) (uint32, error) {
		if name != "staff" {
			return 0, errors.New("no such group")
		}
		return 50, nil
	},
}

const testPolicy = `
contact = "room 12"

[default]
refuse = true

[[rule]]
users = ["kiosk"]
models = ["demo"]
priority = "interactive"
kv-reserve = 0.25
max-running = 2

[[rule]]
users = [1001]
refuse = true

[[rule]]
users = [9]
admin = true

[[rule]]
groups = ["staff", 60]
models = ["llama-*", "demo"]
priority = "background"
weight = 3
tokens-per-sec = 20.5
`

func TestPolicy(t *testing.T) {
	policy, err := ParsePolicy(testPolicy, testNames)
	require.NoError(t, err)
	staff := Grant{
		Allowed: ListModels | Generate, Models: []string{"llama-*", "demo"}, Contact: "room 12",
		Share: Share{Lane: Background, Weight: 3, TokensPerSec: 20.5},
	}
	as := func(g Grant, u User) Grant { g.User = u; return g }
	for name, test := range map[string]struct {
		peer Peer
		want Grant
	}{
		"by user name": {Peer{UID: 500, GID: 50}, Grant{
			User: 500, Allowed: ListModels | Generate, Models: []string{"demo"}, Contact: "room 12",
			Share: Share{Lane: Interactive, KVReserve: 0.25, MaxConcurrency: 2},
		}},
		"by group":              {Peer{UID: 7, GID: 50}, as(staff, 7)},
		"by group id":           {Peer{UID: 7, GID: 60}, as(staff, 7)},
		"by another group":      {Peer{UID: 8, GID: 100, Groups: []uint32{1, 50}}, as(staff, 8)},
		"first rule decides":    {Peer{UID: 1001, GID: 50}, Grant{User: 1001, Contact: "room 12"}},
		"nobody's rule":         {Peer{UID: 2000, GID: 2000}, Grant{User: 2000, Contact: "room 12"}},
		"root needs no rule":    {Peer{}, Grant{Allowed: ListModels | Generate | Administer}},
		"administrator":         {Peer{UID: 9}, Grant{User: 9, Allowed: ListModels | Generate | Administer, Contact: "room 12"}},
		"name without a rule":   {Peer{UID: 1000, GID: 1000}, Grant{User: 1000, Contact: "room 12"}},
		"group of another kind": {Peer{UID: 51, GID: 51, Groups: []uint32{500}}, Grant{User: 51, Contact: "room 12"}},
	} {
		require.Equal(t, test.want, policy(test.peer), name)
	}
}

func TestEmptyPolicyIsTheDefault(t *testing.T) {
	policy, err := ParsePolicy("", testNames)
	require.NoError(t, err)
	p := Peer{UID: 9, GID: 9}
	require.Equal(t, Default(p), policy(p))
	require.False(t, policy(p).Allows(Administer))
	self := Peer{UID: uint32(os.Getuid())}
	require.True(t, policy(self).Allows(Administer), "a daemon is its own user's")
}

func TestMayUse(t *testing.T) {
	for _, test := range []struct {
		models []string
		name   string
		may    bool
	}{
		{nil, "anything", true},
		{[]string{}, "anything", false},
		{[]string{"demo"}, "demo", true},
		{[]string{"demo"}, "demo2", false},
		{[]string{"llama-*"}, "llama-1b", true},
		{[]string{"llama-*"}, "llama", false},
		{[]string{"*"}, "x", true},
	} {
		require.Equal(t, test.may, Grant{Models: test.models}.MayUse(test.name), "%v %s", test.models, test.name)
	}
}

func TestPolicyFaults(t *testing.T) {
	for text, want := range map[string]string{
		"[[rule]]\nusers = [\"bob\"]":                       `line 1: rule 1: users: "bob": no such user`,
		"[[rule]]\ngroups = [\"wheel\"]":                    `rule 1: groups: "wheel": no such group`,
		"[[rule]]\nusers = [-1]":                            "rule 1: users: -1 is no id",
		"[[rule]]\nusers = [4294967295]":                    "rule 1: users: 4294967295 is no id",
		"[[rule]]\nusers = [1.5]":                           "found a float64",
		"[[rule]]\nmodels = [\"a\"]":                        "rule 1: names no users and no groups",
		"[[rule]]\nusers = [1]\n[[rule]]\nusers = [2]\nx=1": `line 5: unknown key "rule.x"`,
		"# c\n[[grant]]\nusers = [1]":                       `line 2: unknown key "grant"`,
		"[ defaults ]\nweight = 1":                          `line 1: unknown key "defaults"`,
		"[default]\nusers = [1]":                            "default: names no users",
		"[default]\npriority = \"high\"":                    `default: priority: want background, normal or interactive, found "high"`,
		"[default]\nweight = -1":                            "weight: want 1 to 1000, found -1",
		"[default]\nkv-reserve = 1.0":                       "kv-reserve: want 0 to 0.9, found 1",
		"[[rule]]\nusers = [1, 2]\nkv-reserve = 0.3\n[[rule]]\nusers=[2,3]\ngroups = [1]\nkv-reserve=0.2": "line 4: rule 2: kv-reserve: users would have 1 in reserve together, at most 0.9 is possible",
		"[[rule]]\nusers = [1]\nkv-reserve = 0.5\n\n[default]\nkv-reserve = 0.5":                          "line 5: default: kv-reserve: users would have 1 in reserve",
		"[default]\nkv-reserve = nan":      "kv-reserve: want 0 to 0.9, found NaN",
		"[default]\ntokens-per-sec = -3.0": "tokens-per-sec: want 0 or more, found -3",
		"[default]\nmax-running = -3":      "max-running: want 0 or more, found -3",
		"[default]\nmodels = [\"[\"]":      `models: "[": syntax error in pattern`,
		"a = \n":                           "line 1: ",
		"[default]\n\nweight = \"x\"":      `line 3 (last key "default.weight")`,
	} {
		_, err := ParsePolicy(text, testNames)
		require.ErrorContains(t, err, want, text)
	}
}

// What is reserved may be all that can be; a user counts where the first rule
// names it, and a group once.
func TestReservesThatFit(t *testing.T) {
	for _, text := range []string{
		"[[rule]]\nusers = [1, 2, 3]\nkv-reserve = 0.3",
		"[[rule]]\nusers = [1]\nkv-reserve = 0.5\n[[rule]]\nusers = [1]\nkv-reserve = 0.5",
		"[[rule]]\ngroups = [1, 2]\nkv-reserve = 0.45\n[default]\nkv-reserve = 0.45",
		"[[rule]]\nusers = [1]\nkv-reserve = 0.9\n[[rule]]\nusers = [2]",
	} {
		_, err := ParsePolicy(text, testNames)
		require.NoError(t, err, text)
	}
}
