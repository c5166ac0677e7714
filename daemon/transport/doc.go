// Package transport carries HTTP over a Unix socket and guards it.
//
// It makes the socket or takes the one systemd passes, reads the peer's
// credentials when a connection is accepted, and bounds everything a client
// can hold: headers, bodies, connections and time. It refuses what a browser
// sends and outlives a handler that panics. It knows neither routes nor
// models; the handler it is given decides all of that.
//
// Reading order: path.go and listen.go (the socket), activation.go (systemd's), conn.go
// (accept, credentials, write deadline), peercred_linux.go and peerunit_linux.go
// (who is there), server.go (limits, start and stop),
// guard.go (what each request passes before its handler), bodies.go (bytes
// that a user's requests may hold).
//
// Invariants:
//   - A connection without credentials never reaches a handler.
//   - No write blocks longer than the write timeout, so that a client that
//     never reads loses its connection and nobody else notices.
//   - Nothing that a client sent is logged: not a path, not a header, not the
//     value of a panic.
//
// Why any Host header is accepted: on a Unix socket the name in a URL is
// whatever the client library made up, and the file's mode is the gate.
//
// Why Origin, Referer and Sec-Fetch-Site are refused: only browsers send
// them, a browser cannot open a Unix socket, so somebody relays for a web page.
package transport
