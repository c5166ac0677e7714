package auth

// Permission is a set of things that a request may do.
type Permission uint8

// The permissions that routes ask for.
const (
	ListModels Permission = 1 << iota // see which models there are
	Generate                          // run a model
)

// User names whose work a request is. Users share the machine fairly, and
// nothing that one of them sent is ever reused for another.
type User uint32

// Grant is what one peer may do. The zero Grant allows nothing.
type Grant struct {
	User    User
	Allowed Permission
	Share   Share
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

// Share is how much of the machine a user gets where there is not enough for
// all. It holds for the user, over all connections; the zero Share is that of
// everybody else.
type Share struct {
	Lane   Lane
	Weight int // tokens for each one that another user of the lane gets; 0 means 1

	// KVReserve is the part of a model's KV cache, 0 to 1, that others leave
	// to the user, for running answers and cached prompts.
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
// a user of its own.
func Default(p Peer) Grant {
	return Grant{User: User(p.UID), Allowed: ListModels | Generate}
}

var _ Policy = Default
