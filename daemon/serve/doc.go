// Package serve is what the daemon's wire formats see of the rest: models by
// name, what they are, and answers in the making. It holds interfaces, plain
// values and errors; package daemon implements them.
//
// A request finds its model and lets go of it:
//
//	m, release, err := service.Find(ctx, serve.Want{Model: name})
//	if err != nil {
//		return err // Describe gives its status and its text for the client
//	}
//	defer release()
//
// Between the two the model stays loaded, whatever happens to its file. What a
// Model returns must not be used after release.
//
// Reading order: service.go (which models there are), model.go (one of them),
// conversation.go (what it is to continue), keepalive.go (how long it stays
// loaded), sampling.go (how its answers are drawn), errors.go.
package serve
