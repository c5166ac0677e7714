package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"

	"inferd/daemon/auth"
)

var policyCommand = &command{
	name:     "policy",
	synopsis: "check FILE [--user NAME]...",
	summary:  "check a policy, and say what it grants",
	details: `
Read a policy as the daemon would. A mistake is named with its line or rule. With
--user, say what the policy grants to a user of this machine, as a member of the
groups that the user has now.`,
	nArgs: [2]int{2, 2},
	define: func(fs *flag.FlagSet) runFunc {
		var users []string
		fs.Func("user", "`NAME` or number of a user; repeatable", func(s string) error {
			users = append(users, s)
			return nil
		})
		return func(_ context.Context, args []string) error {
			if args[0] != "check" {
				return usagef("policy", "policy %s: want check", args[0])
			}
			return checkPolicy(args[1], users)
		}
	},
}

func checkPolicy(path string, users []string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	policy, err := auth.ParsePolicy(string(text), auth.SystemNames)
	if err != nil {
		return fmt.Errorf("policy %s: %w", path, err)
	}
	for _, name := range users {
		peer, err := peerOf(name)
		if err != nil {
			return err
		}
		fmt.Printf("%s: %s\n", name, describeGrant(policy(peer)))
	}
	return nil
}

// peerOf returns a user of this machine as a policy sees it.
func peerOf(name string) (p auth.Peer, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return p, fmt.Errorf("user %q: this machine does not know it", name)
		}
	}
	groups, err := u.GroupIds()
	if err != nil {
		return p, fmt.Errorf("groups of %q: %w", name, err)
	}
	p.UID, p.GID = parseID(u.Uid), parseID(u.Gid)
	for _, g := range groups {
		p.Groups = append(p.Groups, parseID(g))
	}
	return p, nil
}

// parseID reads what os/user gives, which is a number on this system.
func parseID(s string) uint32 {
	id, _ := strconv.ParseUint(s, 10, 32)
	return uint32(id)
}

// describeGrant says in words what a grant allows.
func describeGrant(g auth.Grant) string {
	if !g.Allows(auth.Generate) {
		if g.Contact == "" {
			return "refused"
		}
		return "refused, may ask " + g.Contact
	}
	parts := []string{"all models"}
	if g.Models != nil {
		parts[0] = "models " + strings.Join(g.Models, ", ")
	}
	switch g.Share.Lane {
	case auth.Background:
		parts = append(parts, "priority background")
	case auth.Interactive:
		parts = append(parts, "priority interactive")
	}
	if g.Share.Weight > 1 {
		parts = append(parts, fmt.Sprintf("weight %d", g.Share.Weight))
	}
	if g.Share.KVReserve > 0 {
		parts = append(parts, fmt.Sprintf("%g %% of the KV cache reserved", 100*g.Share.KVReserve))
	}
	if g.Share.TokensPerSec > 0 {
		parts = append(parts, fmt.Sprintf("%g tokens/s at most", g.Share.TokensPerSec))
	}
	if g.Share.MaxConcurrency > 0 {
		parts = append(parts, plural(g.Share.MaxConcurrency, "request")+" at once")
	}
	if g.Allows(auth.Administer) {
		parts = append(parts, "administration")
	}
	return strings.Join(parts, "; ")
}
