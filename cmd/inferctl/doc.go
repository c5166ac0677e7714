// Command inferctl is the client of the inferd daemon and the set of tools
// around its model files.
//
// One file holds one subcommand: chat talks to a running daemon over its
// socket; generate, embed, logits, perplexity and bench load a model themselves,
// and quantize writes one;
// inspect, tensor, tokenize and detokenize read no more of a file than they
// need. Reading order: main.go (process, signals, exit codes), command.go
// (what a subcommand is, flags, help), then any subcommand. The rest is shared
// by several of them: errors.go (hints), progress.go, outfile.go, idlist.go
// and model.go; client.go and lineedit.go serve chat.
//
// Rules that hold for every subcommand:
//
//   - Results go to standard output and nothing else does; progress and errors
//     go to standard error, progress only to a terminal.
//   - The exit code is 0 for success, 1 for a failure and 2 for a command line
//     that makes no sense. A run stopped by a signal cleans up and then dies
//     of that signal, so that a calling shell script stops as well.
//   - Files are written under a temporary name and renamed when complete.
//
// Why no subcommand talks to a network: every answer comes from this machine.
package main
