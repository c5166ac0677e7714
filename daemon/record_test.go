package daemon

import (
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/daemon/audit"
	"inferd/daemon/auth"
)

// TestEveryUseOfAModelIsRecorded: also what has no answer's text has a record, one
// for each text, and none holds what was said.
func TestEveryUseOfAModelIsRecorded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, audit.WriteKey(path))
	key, err := audit.ReadKey(path)
	require.NoError(t, err)
	for _, test := range []struct {
		path, body string
		want       []string // of each record
	}{
		{"/v1/completions", `{"model":"fake","prompt":"zebra","max_tokens":2}`, []string{`n_generated=2 outcome=length .* prompt_mac=[0-9a-f]{64} answer_mac=[0-9a-f]{64}`}},
		{"/v1/embeddings", `{"model":"fake","input":["zebra","zebras"]}`, []string{
			`n_prompt=6 n_reused=0 n_generated=0 outcome=vector .* prompt_mac=[0-9a-f]{64}$`,
			`n_prompt=7 n_reused=0 n_generated=0 outcome=vector .* prompt_mac=[0-9a-f]{64}$`,
		}},
		{"/v1/completions", `{"model":"fake","prompt":"zebra","max_tokens":0,"echo":true,"logprobs":1}`, []string{`n_prompt=6 n_reused=0 n_generated=0 outcome=scores .* prompt_mac=[0-9a-f]{64}$`}},
	} {
		d := start(t, newFakeEngine(t), func(c *Config) { c.AuditKey = key })
		resp, text := d.receive(d.send(test.path, test.body))
		require.Equal(t, http.StatusOK, resp.StatusCode, text)
		records := regexp.MustCompile(`(?m)^.*msg=answer .*$`).FindAllString(d.log.String(), -1)
		require.Len(t, records, len(test.want), d.log.String())
		for i, record := range records {
			require.Regexp(t, ` id=`+resp.Header.Get("X-Request-Id")+` user=\d+ model=fake `, record)
			require.Regexp(t, test.want[i], record)
			require.NotContains(t, record, "zebra")
		}
	}
}

func TestRecordsTellTheUnit(t *testing.T) {
	for unit, want := range map[string]string{"": `duration=\S+$`, "cups.service": `duration=\S+ unit=cups.service$`} {
		log := &logBuffer{}
		m := &model{name: "fake", log: slog.New(slog.NewTextHandler(log, nil))}
		m.ended(auth.WithPeer(t.Context(), auth.Peer{Unit: unit}), answered{})
		require.Regexp(t, want, log.String()[:len(log.String())-1])
	}
}
