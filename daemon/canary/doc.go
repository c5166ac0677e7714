// Package canary has tests alone: they ask a daemon in a process of its own,
// along every path that a request can take, and look in that process's memory
// for what it should have forgotten.
//
// A canary is a text that nothing else contains. Each request carries one; its
// answer is another, since nobody knows it before. Afterwards /proc/PID/mem must
// hold no window of 12 bytes of either, nor of their token ids, nor must
// anything that the daemon has written.
//
// A scan tells of the moment of the scan, and of what it would find: so the same
// scan must find a request that is still running, and what a server keeps that
// has the fault on purpose.
//
// Reading order: scan_linux_test.go (a process's memory), requests_test.go (ways
// to ask), server_test.go (the daemon), faulty_test.go (one with the fault),
// canary_test.go (what must hold).
package canary
