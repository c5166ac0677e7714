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
