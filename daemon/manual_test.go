package daemon

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestManualNamesEverySetting(t *testing.T) {
	page, err := os.ReadFile("systemd/man/inferd.toml.5")
	require.NoError(t, err)
	for _, s := range settings {
		item := regexp.MustCompile(`(?m)^\.It Ic ([a-z-]+ , )*` + regexp.QuoteMeta(s.name) + `( |$)`)
		require.Regexp(t, item, string(page), s.name)
	}
}
