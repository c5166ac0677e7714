package daemon

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/daemon/admin"
	"inferd/daemon/transport"
)

// administer sends a request to a daemon's administration socket.
func administer(t *testing.T, d *testDaemon, method, path, body string) (int, string) {
	t.Helper()
	socket := transport.AdminPath(d.socket)
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		},
	}}
	req, err := http.NewRequestWithContext(context.Background(), method, "http://inferd"+path, strings.NewReader(body))
	require.NoError(t, err)
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

func TestAdministration(t *testing.T) {
	d := start(t, newFakeEngine(t), nil)
	info, err := os.Stat(transport.AdminPath(d.socket))
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())

	const question = "nightingale"
	resp, err := d.http().Post("http://inferd/v1/completions", "application/json",
		strings.NewReader(`{"model":"fake","prompt":"`+question+`","max_tokens":5,"ignore_eos":true}`))
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, resp.Body)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)

	status, text := administer(t, d, "GET", "/metrics", "")
	require.Equal(t, http.StatusOK, status)
	uid := `user="` + uidText() + `"`
	for _, want := range []string{
		`inferd_answers_total{model="fake",` + uid + `,outcome="length"} 1`,
		`inferd_generated_tokens_total{model="fake",` + uid + `} 5`,
		`inferd_first_token_seconds_count{model="fake"} 1`,
		`inferd_inter_token_seconds_count{model="fake"} 4`,
		`inferd_requests_running{model="fake"} 0`,
		`inferd_models_known 1`,
	} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, text, question)

	status, text = administer(t, d, "GET", "/status", "")
	require.Equal(t, http.StatusOK, status)
	var s admin.Status
	require.NoError(t, json.Unmarshal([]byte(text), &s))
	require.Len(t, s.Users, 1)
	require.EqualValues(t, 5, s.Users[0].NGenerated)
	require.Equal(t, os.Getpid(), s.PID)

	status, _ = administer(t, d, "GET", "/ready", "")
	require.Equal(t, http.StatusOK, status)
	status, text = administer(t, d, "POST", "/load", `{"model":"other"}`)
	require.Equal(t, http.StatusNotFound, status, text)
	status, _ = administer(t, d, "GET", "/v1/models", "")
	require.Equal(t, http.StatusNotFound, status, "programs have their own socket")
	status, _ = administer(t, d, "POST", "/reload", "")
	require.Equal(t, http.StatusOK, status)
}

func uidText() string { return strconv.Itoa(os.Getuid()) }
