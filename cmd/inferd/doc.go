// Command inferd serves a language model to the programs of this machine over
// a Unix socket.
//
// main.go turns flags and a configuration file into a daemon.Config and
// reports how daemon.Run ended: exit code 0 after an orderly stop, 1 for a
// failure, 2 for a command line or configuration that makes no sense.
//
// deps_test.go holds the import graph of the whole module as text.
package main
