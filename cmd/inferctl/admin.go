package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"

	"inferd/daemon/admin"
	"inferd/daemon/transport"
)

// newAdmin returns a client of a daemon's administration socket, which is beside
// the socket for programs unless the user says otherwise.
func newAdmin(socket string) *client {
	c := newClient(socket)
	if socket != "" {
		return c
	}
	return newClient(transport.AdminPath(c.socket))
}

// adminFlag declares the flag that all commands for administrators have.
func adminFlag(fs *flag.FlagSet) *string {
	return fs.String("admin-socket", "", "administration socket `PATH` of the daemon; default: beside the user's own socket, else beside the system's")
}

// daemonStatus asks for the daemon's state.
func daemonStatus(ctx context.Context, socket string) (s admin.Status, err error) {
	body, err := newAdmin(socket).do(ctx, http.MethodGet, "/status", nil)
	if err != nil {
		return s, err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(&s); err != nil {
		return s, fmt.Errorf("status of the daemon: %w", err)
	}
	return s, nil
}

// adminPost makes a command that tells the daemon to do something.
func adminPost(name, synopsis, summary, details, path string, nArgs int) *command {
	return &command{
		name: name, synopsis: synopsis, summary: summary, details: details, nArgs: [2]int{nArgs, nArgs},
		define: func(fs *flag.FlagSet) runFunc {
			socket := adminFlag(fs)
			return func(ctx context.Context, args []string) error {
				var body any
				if len(args) > 0 {
					body = map[string]string{"model": args[0]}
				}
				answer, err := newAdmin(*socket).do(ctx, http.MethodPost, path, body)
				if err != nil {
					return err
				}
				return answer.Close()
			}
		},
	}
}

var loadCommand = adminPost("load", "MODEL [--admin-socket S]", "load a model into a running daemon", `
Load a model of the daemon's and wait until it is there. It stays as long as its
configuration says.`, "/load", 1)

var unloadCommand = adminPost("unload", "MODEL [--admin-socket S]", "let a running daemon give a model's memory back", `
Unload a model as soon as the requests that it has are answered. The next request
for it loads it again.`, "/unload", 1)

var reloadCommand = adminPost("reload", "[--admin-socket S]", "let a running daemon read its configuration again", `
Read configuration and policy again. If there is a mistake in them nothing changes,
and the error says in which file and line it is.`, "/reload", 0)
