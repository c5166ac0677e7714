package transport

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestUnitIn(t *testing.T) {
	long := strings.Repeat("a", maxUnitName-len(".service"))
	for text, want := range map[string]string{
		"0::/system.slice/cups.service\n":                                                "cups.service",
		"0::/system.slice/system-getty.slice/getty@tty1.service\n":                       "getty@tty1.service",
		"0::/user.slice/user-1000.slice/session-3.scope\n":                               "session-3.scope",
		"0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-a\\x2db.scope\n": `user@1000.service/app-a\x2db.scope`,
		"0::/user.slice/user-1000.slice/user@1000.service/init.scope\n":                  "user@1000.service/init.scope",
		"0::/user.slice/user-1000.slice/user@1000.service/mine\n":                        "user@1000.service",
		"0::/user.slice/user-1000.slice/user@1000.service/ssh.service/x.service\n":       "user@1000.service/ssh.service",
		"0::/system.slice/docker.service/sshd.service\n":                                 "docker.service", // made below it by the unit itself
		"4:memory:/other.service\n1:name=systemd:/system.slice/old.service\n0::/\n":      "old.service",
		"4:memory:/other.service\n":                                                      "",
		"0::/system.slice/" + long + ".service\n":                                        long + ".service",
		"0::/system.slice/a" + long + ".service\n":                                       "",
		"0::/system.slice/a\x1b[2J b.service\n":                                          "",
		"0::/system.slice/a b=c.service\n":                                               "",
		"0::/kubepods/pod1.service\n":                                                    "",
		"0::/../../x.service\n":                                                          "",
		"0::/system.slice\n":                                                             "",
		"0::/\n":                                                                         "",
		"0:\n":                                                                           "",
		"":                                                                               "",
	} {
		require.Equal(t, want, unitIn(text), "%q", text)
	}
}

func TestUnitOfProcesses(t *testing.T) {
	own, err := os.ReadFile("/proc/self/cgroup")
	require.NoError(t, err)
	require.Equal(t, unitIn(string(own)), unitOf(os.Getpid()))

	child := exec.Command("sleep", "600")
	require.NoError(t, child.Start())
	pidfd, err := unix.PidfdOpen(child.Process.Pid, 0)
	require.NoError(t, err)
	defer unix.Close(pidfd)
	require.False(t, hasEnded(pidfd))
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait())
	require.True(t, hasEnded(pidfd))
	require.Empty(t, unitOf(child.Process.Pid))
}
