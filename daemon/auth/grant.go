package auth

import (
	"os"
	"path"
	"slices"
)

// Permission is a set of things that a request may do.
type Permission uint8

// The permissions that routes ask for.
const (
	ListModels Permission = 1 << iota // see which models there are
	Generate                          // run a model
	Administer                        // load and unload models, see everybody's numbers
)

// User names whose work a request is. Users share the machine fairly, and
// nothing that one of them sent is ever reused for another.
type User uint32

// Grant is what one peer may do. The zero Grant allows nothing.
type Grant struct {
	User    User
	Allowed Permission
	Share   Share

	// Models are the names of the models that may be used, with the wildcards
	// of path.Match; nil means all.
	Models []string

	// Contact says whom to ask about what is refused; it may be empty.
	Contact string
}

// MayUse reports whether the grant holds the use of a model, by its own name.
func (g Grant) MayUse(model string) bool {
	return g.Models == nil || slices.ContainsFunc(g.Models, func(pattern string) bool {
		ok, _ := path.Match(pattern, model) // patterns are checked when a policy is read
		return ok
	})
}

// Lane is how urgent a user's work is. Where lanes compete, each gets several
// times what the next one gets, and goes first; none gets nothing.
type Lane int8

// The lanes, from the last to the first.
const (
	Background Lane = iota - 1
	Normal
	Interactive
)

// MaxKVReserve is the part of a KV cache that can be in reserve, for all users
// together: something must be left for others.
const MaxKVReserve = 0.9

// Share is how much of the machine a user gets where there is not enough for
// all. It holds for the user, over all connections; the zero Share is that of
// everybody else.
type Share struct {
	Lane   Lane
	Weight int // tokens for each one that another user of the lane gets; 0 means 1

	// KVReserve is the part of a model's KV cache, 0 to 1, that others leave
	// to the user, for running answers and cached prompts. Where users together
	// would have more than MaxKVReserve, all have less in proportion.
	KVReserve float64

	TokensPerSec   float64 // prompts and answers together, on average; 0: no limit
	MaxConcurrency int     // requests that a model answers at once; 0: no limit
}

// Allows reports whether the grant holds every permission of p.
func (g Grant) Allows(p Permission) bool {
	return g.Allowed&p == p
}

// Policy maps a peer to its grant. It is pure: equal peers get equal grants.
type Policy func(Peer) Grant

// Default grants every peer that could open the socket the use of all models;
// who can open it is the business of the socket's mode and group. Each UID is
// a user of its own. Root and the daemon's own user administer it.
func Default(p Peer) Grant {
	g := Grant{User: User(p.UID), Allowed: ListModels | Generate}
	if isOwner(p.UID) {
		g.Allowed |= Administer
	}
	return g
}

// self is the user that this process runs as; it does not change.
var self = uint32(os.Geteuid())

func isOwner(uid uint32) bool { return uid == 0 || uid == self }

var _ Policy = Default
