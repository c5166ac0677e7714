// Package auth decides who may do what.
//
// A Peer is the identity that the kernel vouches for on a Unix socket, read
// once when the connection is accepted. A Policy turns it into a Grant. That
// step is a pure function: no clock, no file, no network, so a policy can be
// tested as a table and asked twice with the same answer.
//
// Reading order: peer.go, grant.go, policy.go (policies in TOML), names.go (those
// of users and groups).
//
// The package knows no HTTP and no model. Transport puts the Peer into the
// connection's context, the API packages ask the context for the Grant, and
// the scheduler shares the machine between the users that Grants name.
//
// Why UID and GID decide and PID does not: a PID can be reused between the
// accept and the look at it, so it is only good for logs.
package auth
