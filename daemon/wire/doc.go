// Package wire is what the daemon's HTTP formats have in common: strict JSON
// objects, request bodies, answers and streams of answers. It knows nothing of
// any format's members, nor of models.
//
// Reading order: object.go (reading JSON member by member), array.go, body.go
// (bodies in and out), stream.go (events and lines), errors.go (any error as a
// status and a text), router.go (which handler takes a request, and whose errors
// it gets).
package wire
