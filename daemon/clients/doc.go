// Package clients holds nothing but tests: client libraries that programs
// really use, unmodified but for the socket, against the inferd binary.
//
// It is a module of its own, so that what the clients depend on stays out of
// the daemon's. Run it with "make clients".
//
// The Go clients are called from the tests here; those for Node live in js,
// whose package-lock.json pins each of them. Where npm or the registry cannot be
// reached, the tests for Node are skipped, unless INFERD_CLIENTS is "require".
//
// Reading order: main_test.go (the daemon under test), scripted_test.go (a
// model whose answers are known), js_test.go, one file for each Go client.
package clients
