// Command inferctl is the client of the inferd daemon and the set of tools
// around its model files.
//
// One file holds one subcommand and is named after it: chat and bridge talk to a
// running daemon over its socket, and status (which also has models, ps and top),
// load, unload and reload (admin.go) over its administration socket; doctor looks
// at the machine; generate, replay, logits, embed, perplexity and bench load a
// model themselves; inspect, tensor, quantize, tokenize, detokenize and template read no
// more of a file than they need, like audit, which proves records of answers; pull
// downloads one (package pull).
//
// Reading order: main.go (process, signals, exit codes), command.go (what a
// subcommand is, flags, help), then any subcommand. What several of them share:
// errors.go (hints), progress.go, outfile.go, idlist.go, model.go and lora.go.
// client.go and terminal.go serve chat, report.go serves inspect, recipe.go and
// imatrix.go serve quantize.
//
// Rules that hold for every subcommand:
//
//   - Results go to standard output and nothing else does; progress and errors
//     go to standard error, progress only to a terminal.
//   - The exit code is 0 for success, 1 for a failure and 2 for a command line
//     that makes no sense; template also has 3, for a template that refuses. A
//     run stopped by a signal cleans up and then dies of that signal, so that a
//     calling shell script stops as well.
//   - Files are written under a temporary name and renamed when complete.
//
// Only pull talks to a network, and bridge listens on the loopback interface; the
// daemon does neither.
package main
