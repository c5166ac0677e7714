package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strings"
	"time"

	"inferd/cmd/inferctl/pull"
)

var bridgeCommand = &command{
	name:     "bridge",
	synopsis: "[--listen 127.0.0.1:PORT] [--socket S] [--token-file F]",
	summary:  "let programs that cannot use a Unix socket reach the daemon over loopback",
	details: `
Listen on a loopback address and pass requests on to the daemon's socket, for
programs that only know host and port. The daemon sees this process's user,
whoever connects: everybody on this machine can reach a port, so each request
must carry the token, as "Authorization: Bearer TOKEN" or "x-api-key: TOKEN".

The token is read from --token-file. If that does not exist yet, a new one is
written there, readable by you alone. Without --token-file a new token is printed
at each start.

Requests that a browser sends from a web page (with Origin or Referer), and
those to a host name that is not this machine's, are refused.`,
	define: func(fs *flag.FlagSet) runFunc {
		listen := fs.String("listen", "127.0.0.1:11435", "loopback `ADDRESS` and port; port 0 takes a free one")
		socket := fs.String("socket", "", "Unix socket `PATH` of the daemon; default: the user's own, else the system's")
		tokenFile := fs.String("token-file", "", "`FILE` that holds the token")
		return func(ctx context.Context, _ []string) error { return bridge(ctx, *listen, *socket, *tokenFile) }
	},
}

// Limits of the bridge's own; the daemon has those of requests.
const (
	bridgeHeaderTimeout = 10 * time.Second
	bridgeMaxHeader     = 64 << 10
	bridgeCloseTimeout  = 5 * time.Second
	minTokenChars       = 16
)

func bridge(ctx context.Context, address, socket, tokenFile string) error {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return usagef("bridge", "--listen %q: want a loopback address and a port, such as 127.0.0.1:11435", address)
	}
	token, isNew, err := bridgeToken(tokenFile)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	if isNew && tokenFile == "" {
		fmt.Printf("token %s\n", token)
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	server := &http.Server{
		Handler:           newBridge(newClient(socket), token),
		ReadHeaderTimeout: bridgeHeaderTimeout,
		MaxHeaderBytes:    bridgeMaxHeader,
		ErrorLog:          log.New(os.Stderr, "inferctl: bridge: ", 0),
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err = <-served:
		return err
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), bridgeCloseTimeout)
	defer cancel()
	if server.Shutdown(closing) != nil {
		_ = server.Close() // streams that have not ended by then
	}
	<-served
	return context.Cause(ctx)
}

// bridgeToken reads the token, or makes one where there is none.
func bridgeToken(path string) (token string, isNew bool, err error) {
	if path == "" {
		return rand.Text(), true, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		token = rand.Text()
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return "", false, err
		}
		_, err = fmt.Fprintln(f, token)
		return token, true, errors.Join(err, f.Close())
	}
	if err != nil {
		return "", false, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", false, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", false, withHint(fmt.Errorf("token file %s can be read by others, its mode is %04o", path, info.Mode().Perm()), "chmod 600 %s", path)
	}
	token = strings.TrimSpace(string(text))
	if len(token) < minTokenChars {
		return "", false, fmt.Errorf("token file %s holds %d characters, want at least %d", path, len(token), minTokenChars)
	}
	return token, false, nil
}

// newBridge returns the handler: who may pass, and then a proxy to the socket.
func newBridge(c *client, token string) http.Handler {
	want := sha256.Sum256([]byte(token))
	proxy := &httputil.ReverseProxy{
		Transport:     c.http.Transport,
		FlushInterval: -1, // tokens are passed on as they come
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "inferd"
			r.Out.Header.Del("Authorization")
			r.Out.Header.Del("X-Api-Key")
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			if r.Context().Err() == nil {
				bridgeError(w, http.StatusBadGateway, "daemon_unreachable", c.dialHint(err).Error())
			}
		},
		ErrorLog: log.New(os.Stderr, "inferctl: bridge: ", 0),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Origin") != "" || r.Header.Get("Referer") != "":
			bridgeError(w, http.StatusForbidden, "browser_refused", "requests of web pages are refused")
		case !isLocalHost(r.Host):
			bridgeError(w, http.StatusForbidden, "host_refused", "the host name is not this machine's loopback")
		case !sameToken(want, r.Header):
			w.Header().Set("WWW-Authenticate", "Bearer")
			bridgeError(w, http.StatusUnauthorized, "invalid_api_key", "the token is missing or wrong")
		default:
			proxy.ServeHTTP(w, r)
		}
	})
}

// isLocalHost reports whether a Host header names the loopback interface. A name
// of somebody else's that resolves to it is how web pages reach local ports.
func isLocalHost(hostPort string) bool {
	host, _, err := net.SplitHostPort(hostPort)
	if err != nil {
		host = strings.Trim(hostPort, "[]")
	}
	return pull.IsLoopback(host)
}

// sameToken compares in a time that tells nothing of the token.
func sameToken(want [sha256.Size]byte, h http.Header) bool {
	bearer, _ := strings.CutPrefix(h.Get("Authorization"), "Bearer ")
	isBearer := matches(want, bearer)
	isKey := matches(want, h.Get("X-Api-Key"))
	return isBearer || isKey
}

func matches(want [sha256.Size]byte, token string) bool {
	got := sha256.Sum256([]byte(token))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

// bridgeError answers in the daemon's shape.
func bridgeError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"message":%q,"type":"invalid_request_error","param":null,"code":%q}}`+"\n", message, code)
}
