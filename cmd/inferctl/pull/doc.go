// Package pull downloads model files: resumed where they broke off, verified,
// and put in place whole or not at all.
//
// Reading order: source.go (what a user may ask for), puller.go (attempts until
// the file is there), request.go (one request and its answer), part.go (the file
// in the making).
//
// Decisions:
//
// A file that is incomplete has a hidden name (".NAME.part") that no daemon
// takes for a model, beside the place where it will be, so that the last step is
// a rename. A note (".NAME.part.json") says which version of the remote file it
// is the beginning of; a download is resumed only from the same version.
//
// The hash is always computed over what is on the disk, also over the part that
// an earlier run wrote.
//
// Plain http is for servers on this machine only, and a redirect never leads
// from https to it.
package pull
