package daemon

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/daemon/auth"
	"inferd/daemon/transport"
)

// The users of peersPolicy. Nobody on this machine has these ids.
const (
	uidKiosk  = 61001
	uidStaff  = 61002
	uidGuest  = 61003 // whom no rule names
	uidBanned = 61004
	uidChief  = 61005
)

const peersPolicy = `
contact = "the desk, room 12"

[[rule]]
users = [61001]
models = ["open-*"]
priority = "interactive"
kv-reserve = 0.5

[[rule]]
users = [61002]
tokens-per-sec = 4
max-running = 1
priority = "background"

[[rule]]
users = [61005]
admin = true

[[rule]]
users = [61004]
refuse = true

[default]
models = ["open-one"]
`

// needRoot skips a test that has to be several users.
func needRoot(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("NOT TESTED: peers of several users need root, run the tests as root")
	}
}

// askAs sends a request as a user, and returns the status and the body.
func (d *testDaemon) askAs(uid int, method, path, body string) (int, string) {
	status, text, err := roundTripAs(d.socket, uid, method, path, body)
	require.NoError(d.t, err)
	return status, text
}

func roundTripAs(socket string, uid int, method, path, body string) (int, string, error) {
	c, err := dialAs(socket, uid)
	if err != nil {
		return 0, "", err
	}
	defer c.Close()
	fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", method, path, len(body), body)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// servePeers runs a folder with three models under peersPolicy, open to everybody.
func servePeers(t *testing.T) *folder {
	needRoot(t)
	policy, err := auth.ParsePolicy(peersPolicy, auth.SystemNames)
	require.NoError(t, err)
	f := serveFolder(t, map[string]string{"open-one.gguf": "llama-tied", "open-two.gguf": "llama-tied", "secret.gguf": "llama-tied"},
		func(c *Config) { c.Policy = policy })
	require.NoError(t, os.Chmod(f.socket, 0o666))
	require.NoError(t, os.Chmod(transport.AdminPath(f.socket), 0o666)) // as a drop-in might, so that the policy is all there is
	return f
}

// TestGrantsOverTheSocket lets users with different grants try every model, in
// every API, and administration. What is refused is refused with 403, and says
// whom to ask.
func TestGrantsOverTheSocket(t *testing.T) {
	f := servePeers(t)
	models := []string{"open-one", "open-two", "secret"}
	for _, test := range []struct {
		uid    int
		models []string
		admin  bool
	}{
		{uidKiosk, models[:2], false},
		{uidStaff, models, false},
		{uidGuest, models[:1], false},
		{uidBanned, nil, false},
		{uidChief, models, true},
		{0, models, true}, // no rule names it
	} {
		for _, model := range models {
			for _, a := range apis {
				body := strings.NewReplacer("16", "1").Replace(fmt.Sprintf(a.body, model, ""))
				status, text := f.askAs(test.uid, "POST", a.path, body)
				if slices.Contains(test.models, model) {
					require.Equal(t, http.StatusOK, status, "%d, %s, %s: %s", test.uid, model, a.path, text)
					continue
				}
				require.Equal(t, http.StatusForbidden, status, "%d, %s, %s: %s", test.uid, model, a.path, text)
				require.Contains(t, text, "the desk, room 12")
			}
		}
		f.checkLists(test.uid, test.models)
		f.checkAdmin(test.uid, test.admin)
	}
}

// checkLists expects a user to see the models that it may use and no others.
func (f *folder) checkLists(uid int, models []string) {
	for path, pattern := range map[string]string{"/v1/models": `"id":%q`, "/api/tags": `"name":%q`} {
		status, text := f.askAs(uid, "GET", path, "")
		if models == nil {
			require.Equal(f.t, http.StatusForbidden, status)
			require.Contains(f.t, text, "the desk, room 12")
			continue
		}
		require.Equal(f.t, http.StatusOK, status, text)
		for _, name := range []string{"open-one", "open-two", "secret"} {
			require.Equal(f.t, slices.Contains(models, name), strings.Contains(text, fmt.Sprintf(pattern, name)), "%d, %s: %s", uid, path, text)
		}
	}
}

// checkAdmin tries every route of the administration socket.
func (f *folder) checkAdmin(uid int, may bool) {
	admins := &testDaemon{t: f.t, socket: transport.AdminPath(f.socket)}
	for _, route := range []struct{ method, path, body string }{
		{"GET", "/status", ""}, {"GET", "/metrics", ""}, {"POST", "/reload", ""},
		{"POST", "/load", `{"model":"open-two"}`}, {"POST", "/unload", `{"model":"open-two"}`},
	} {
		status, text := admins.askAs(uid, route.method, route.path, route.body)
		if may {
			require.Equal(f.t, http.StatusOK, status, "%d, %s: %s", uid, route.path, text)
			continue
		}
		require.Equal(f.t, http.StatusForbidden, status, "%d, %s: %s", uid, route.path, text)
	}
	status, _ := admins.askAs(uid, "GET", "/health", "")
	require.Equal(f.t, http.StatusOK, status)
}

// TestAdminSocketIsClosedToOthers: without a drop-in nobody else gets that far.
func TestAdminSocketIsClosedToOthers(t *testing.T) {
	needRoot(t)
	f := serveFolder(t, map[string]string{"a.gguf": "llama-tied"}, nil)
	for path, mode := range map[string]os.FileMode{f.socket: 0o660, transport.AdminPath(f.socket): 0o600} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, mode, info.Mode().Perm())
	}
}

// TestRatesAndConcurrencyOverTheSocket: a user with a rate has its burst and waits
// then; of one with a limit so many requests run at once; others notice neither.
func TestRatesAndConcurrencyOverTheSocket(t *testing.T) {
	f := servePeers(t)
	body := func(n int) string {
		return fmt.Sprintf(`{"model":"open-one","prompt":"hello","max_tokens":%d,"ignore_eos":true}`, n)
	}
	// Staff have 10 seconds of 4 tokens at once, and owe what is over that.
	status, _ := f.askAs(uidStaff, "POST", "/v1/completions", body(60))
	require.Equal(t, http.StatusOK, status)
	var asked sync.WaitGroup
	for range 3 {
		asked.Go(func() {
			if _, _, err := roundTripAs(f.socket, uidStaff, "POST", "/v1/completions", body(1)); err != nil {
				t.Error(err)
			}
		})
	}
	running := func(uid int) (n, waiting float64) {
		_, text := administer(t, f.testDaemon, "GET", "/metrics", "")
		for line := range strings.Lines(text) {
			_, _ = fmt.Sscanf(line, fmt.Sprintf(`inferd_user_requests_running{model="open-one",user="%d"} %%g`, uid), &n)
			_, _ = fmt.Sscanf(line, fmt.Sprintf(`inferd_user_requests_waiting{model="open-one",user="%d"} %%g`, uid), &waiting)
		}
		return n, waiting
	}
	require.Eventually(t, func() bool { n, waiting := running(uidStaff); return n == 0 && waiting == 3 }, 20*time.Second, time.Millisecond, "its rate is used up")
	for range 3 {
		status, text := f.askAs(uidGuest, "POST", "/v1/completions", body(30))
		require.Equal(t, http.StatusOK, status, text)
	}
	n, waiting := running(uidStaff)
	require.Zero(t, n)
	require.EqualValues(t, 3, waiting, "others have not waited with it")
	asked.Wait()
}

// TestReserveIsToldOverTheSocket: what a policy reserves is there for its user, and
// administrators see it.
func TestReserveIsToldOverTheSocket(t *testing.T) {
	f := servePeers(t)
	status, _ := f.askAs(uidKiosk, "POST", "/v1/completions", `{"model":"open-one","prompt":"hello","max_tokens":1}`)
	require.Equal(t, http.StatusOK, status)
	status, _ = f.askAs(uidGuest, "POST", "/v1/completions", `{"model":"open-one","prompt":"hello","max_tokens":1}`)
	require.Equal(t, http.StatusOK, status)
	_, text := administer(t, f.testDaemon, "GET", "/status", "")
	var s struct {
		Models []struct {
			Name  string
			Pages int64 `json:"kv_pages"`
		}
		Users []struct {
			UID int
			KV  struct{ Reserved int64 }
		}
	}
	require.NoError(t, json.Unmarshal([]byte(text), &s))
	reserved := map[int]int64{}
	for _, u := range s.Users {
		reserved[u.UID] = u.KV.Reserved
	}
	require.Positive(t, reserved[uidKiosk])
	require.Zero(t, reserved[uidGuest])
	_, text = administer(t, f.testDaemon, "GET", "/metrics", "")
	require.Contains(t, text, fmt.Sprintf(`inferd_user_kv_pages_reserved{model="open-one",user="%d"} %d`, uidKiosk, s.Models[0].Pages/2))
}
