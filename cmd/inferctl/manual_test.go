package main

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestManualNamesEveryCommand(t *testing.T) {
	page, err := os.ReadFile("../../daemon/systemd/man/inferctl.1")
	require.NoError(t, err)
	named := map[string]bool{}
	for _, line := range regexp.MustCompile(`(?m)^\.It Ic (.*)$`).FindAllStringSubmatch(string(page), -1) {
		for _, name := range regexp.MustCompile(`[a-z]+`).FindAllString(line[1], -1) {
			named[name] = true
		}
	}
	for _, c := range commands() {
		require.True(t, named[c.name], "%s is missing in the manual page", c.name)
	}
}
