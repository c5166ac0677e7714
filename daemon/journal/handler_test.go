package journal

import (
	"bytes"
	"encoding/hex"
	"log/slog"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/journal"
	"github.com/stretchr/testify/require"
)

// sent is one entry as the journal gets it.
type sent struct {
	message  string
	priority journal.Priority
	fields   map[string]string
}

func newLog(level slog.Level) (*slog.Logger, *[]sent) {
	var list []sent
	h := NewHandler(level)
	h.send = func(message string, p journal.Priority, fields map[string]string) error {
		list = append(list, sent{message, p, fields})
		return nil
	}
	return slog.New(h), &list
}

type peer struct{ uid int }

func (p peer) LogValue() slog.Value { return slog.GroupValue(slog.Int("uid", p.uid)) }

func TestAttributesBecomeFields(t *testing.T) {
	log, list := newLog(slog.LevelInfo)
	log.With("model", "demo").WithGroup("g").Warn("answer", "n-prompt", 7, "duration", 1500*time.Microsecond, "peer", peer{5})
	require.Equal(t, []sent{{
		"answer g_n-prompt=7 g_duration=1.500ms g_peer_uid=5", journal.PriWarning,
		map[string]string{
			"INFERD_MODEL": "demo", "INFERD_G_N_PROMPT": "7", "INFERD_G_DURATION": "1.500ms", "INFERD_G_PEER_UID": "5",
			"MESSAGE_ID": messageIDs["answer"],
		},
	}}, *list)
}

func TestLevels(t *testing.T) {
	log, list := newLog(slog.LevelInfo)
	log.Debug("a")
	log.Info("b")
	log.Error("c")
	require.Equal(t, []sent{
		{"b", journal.PriInfo, map[string]string{}},
		{"c", journal.PriErr, map[string]string{}},
	}, *list)
}

func TestLoggersDoNotShareFields(t *testing.T) {
	log, list := newLog(slog.LevelInfo)
	a := log.With("x", 1)
	b := a.With("x", 2, "y", 3)
	a.Info("a")
	b.Info("b")
	log.Info("c")
	require.Equal(t, map[string]string{"INFERD_X": "1"}, (*list)[0].fields)
	require.Equal(t, map[string]string{"INFERD_X": "2", "INFERD_Y": "3"}, (*list)[1].fields)
	require.Empty(t, (*list)[2].fields)
}

func TestMessageIDsAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for message, id := range messageIDs {
		b, err := hex.DecodeString(id)
		require.NoError(t, err, message)
		require.Len(t, b, 16)
		require.False(t, seen[id], message)
		require.False(t, bytes.Equal(b, make([]byte, 16)))
		seen[id] = true
	}
}
