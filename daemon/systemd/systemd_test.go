package systemd

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// machine is a booted systemd.
type machine struct {
	t   *testing.T
	pid string // of its first process, as this machine sees it
}

// boot starts a systemd in namespaces of its own. It ends with the test.
func boot(t *testing.T) *machine {
	t.Helper()
	if os.Getenv("INFERD_SYSTEMD_TEST") == "" {
		t.Skip("SKIPPED: boots a systemd as root; make systemd-test asks for it")
	}
	var console bytes.Buffer
	cmd := exec.Command("bash", "boot.sh", t.TempDir())
	cmd.Stdout, cmd.Stderr = &console, &console
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("console:\n%s", console.String())
		}
	})
	m := &machine{t: t}
	t.Cleanup(func() {
		_ = exec.Command("kill", "-KILL", m.pid).Run()
		_ = cmd.Wait()
	})
	require.Eventually(t, func() bool {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", cmd.Process.Pid, cmd.Process.Pid))
		if m.pid = strings.TrimSpace(string(children)); err != nil || m.pid == "" {
			return false
		}
		state, _ := m.try("systemctl", "is-system-running")
		return strings.Contains(state, "running") || strings.Contains(state, "degraded")
	}, 60*time.Second, 200*time.Millisecond, "systemd does not come up")
	return m
}

// in is the machine for a subtest, which fails when something there does.
func (m *machine) in(t *testing.T) *machine { return &machine{t, m.pid} }

// try runs a command inside and returns what it printed.
func (m *machine) try(args ...string) (string, error) {
	out, err := exec.Command("nsenter", append([]string{"--all", "--target", m.pid, "--"}, args...)...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// run is try for commands that must succeed.
func (m *machine) run(args ...string) string {
	m.t.Helper()
	out, err := m.try(args...)
	require.NoError(m.t, err, "%v: %s", args, out)
	return out
}

// sh runs a shell script inside.
func (m *machine) sh(script string) string {
	m.t.Helper()
	return m.run("sh", "-euc", script)
}

// property returns a property of a unit.
func (m *machine) property(unit, name string) string {
	return m.run("systemctl", "show", "--value", "--property", name, unit)
}

// as runs a command as a user.
func (m *machine) as(user string, args ...string) (string, error) {
	return m.try(append([]string{"setpriv", "--reuid", user, "--regid", user, "--init-groups", "--"}, args...)...)
}

// asks lets a user chat.
func (m *machine) asks(user, question string) (string, error) {
	return m.as(user, "sh", "-c", "printf %s \"$0\" | inferctl chat --temperature 0 --socket /run/inferd/inferd.sock", question)
}

// install installs the package, and two people of whom one may use the service.
func (m *machine) install() {
	deb := os.Getenv("INFERD_DEB")
	require.NotEmpty(m.t, deb, "INFERD_DEB names the package")
	m.t.Cleanup(func() {
		if m.t.Failed() {
			log, _ := m.try("journalctl", "--unit", "inferd", "--no-pager", "--lines", "30")
			m.t.Logf("journal:\n%s", log)
		}
	})
	package_, err := os.ReadFile(deb)
	require.NoError(m.t, err)
	inside := exec.Command("nsenter", "--all", "--target", m.pid, "--", "sh", "-c", "cat >/tmp/inferd.deb")
	inside.Stdin = bytes.NewReader(package_)
	require.NoError(m.t, inside.Run())
	m.run("dpkg", "--install", "/tmp/inferd.deb")
	m.sh("useradd --user-group member && usermod --append --groups inferd member && useradd --user-group outsider")
}

const hours = "When does the library open?"

func TestService(t *testing.T) {
	m := boot(t)
	m.install()

	t.Run("the first request starts it", func(t *testing.T) {
		require.Equal(t, "active", m.property("inferd.socket", "ActiveState"))
		require.Equal(t, "inactive", m.property("inferd.service", "ActiveState"))
		answer, err := m.asks("member", hours)
		require.NoError(t, err, answer)
		require.NotEmpty(t, answer)
		require.Equal(t, "active", m.property("inferd.service", "ActiveState"))
		require.Contains(t, m.property("inferd.service", "StatusText"), "demo")
		process := "/proc/" + m.property("inferd.service", "MainPID")
		require.Equal(t, m.sh("id -u _inferd"), m.sh(`awk '/^Uid:/ { print $2 }' `+process+"/status"))
		require.Equal(t, "root", m.sh("stat -c %U "+process+"/mem"), "nobody else can read what is said")
	})
	t.Run("only members may", func(t *testing.T) {
		out, err := m.asks("outsider", hours)
		require.Error(t, err)
		require.Contains(t, out, "permission denied")
		_, err = m.as("member", "sh", "-c", "test -w /run/inferd/inferd-admin.sock")
		require.Error(t, err, "administration is root's")
	})
	t.Run("reload", func(t *testing.T) { testReload(t, m.in(t)) })
	t.Run("content stays out of the journal", func(t *testing.T) {
		canary := "zebrafinch quartz lantern"
		_, err := m.asks("member", canary)
		require.NoError(t, err)
		require.Contains(t, m.run("journalctl", "--unit", "inferd", "--output", "json"), "INFERD_MODEL", "fields arrive")
		for _, word := range strings.Fields(canary) {
			require.NotContains(t, m.run("journalctl", "--all", "--output", "export"), word)
		}
	})
	t.Run("records", func(t *testing.T) { testRecords(t, m.in(t)) })
	t.Run("watchdog", func(t *testing.T) { testWatchdog(t, m.in(t)) })
	t.Run("killed under load", func(t *testing.T) { testKills(t, m.in(t)) })
	t.Run("removed and purged", func(t *testing.T) { testRemoval(t, m.in(t)) })
}

// testReload: a good file is taken, a broken one changes nothing and is named.
func testReload(t *testing.T, m *machine) {
	pid := m.property("inferd.service", "MainPID")
	m.sh(`printf '\nlog-level = "debug"\n' >>/etc/inferd/inferd.toml && systemctl reload inferd`)
	require.Eventually(t, func() bool {
		out, _ := m.try("journalctl", "--unit", "inferd", "--grep", "configuration reloaded")
		return strings.Contains(out, "configuration reloaded")
	}, 10*time.Second, 100*time.Millisecond)

	m.sh(`cp /etc/inferd/inferd.toml /tmp/good.toml && printf 'nonsense = 7\n' >>/etc/inferd/inferd.toml && systemctl reload inferd || true`)
	require.Eventually(t, func() bool {
		out, _ := m.try("journalctl", "--unit", "inferd", "--grep", "not reloaded")
		return regexp.MustCompile(`inferd\.toml: line \d+: nonsense: unknown key`).MatchString(out)
	}, 10*time.Second, 100*time.Millisecond)
	answer, err := m.asks("member", hours)
	require.NoError(t, err, answer)
	require.Equal(t, pid, m.property("inferd.service", "MainPID"), "the same process goes on")
	m.sh(`cp /tmp/good.toml /etc/inferd/inferd.toml && systemctl reload inferd`)
}

// testRecords does what docs/privacy.md says: the service gets the key as a
// credential, and a record names the unit that asked and is proven.
func testRecords(t *testing.T, m *machine) {
	m.sh(`inferctl audit key /etc/inferd/audit.key
		test "$(stat -c '%U %a' /etc/inferd/audit.key)" = "root 600"
		install -D -m 0644 /usr/share/doc/inferd/examples/audit.conf /etc/systemd/system/inferd.service.d/audit.conf
		cp /etc/inferd/inferd.toml /tmp/plain.toml
		echo 'audit-key = "/run/credentials/inferd.service/audit.key"' >>/etc/inferd/inferd.toml
		systemctl daemon-reload && systemctl restart inferd`)
	m.sh(`cat >/etc/systemd/system/asker.service <<-'END'
			[Service]
			Type=oneshot
			ExecStart=sh -c 'echo hello | inferctl chat --temperature 0 >/run/answer'
		END
		systemctl daemon-reload && systemctl start asker`)
	record := m.run("journalctl", "--unit", "inferd", "INFERD_UNIT=asker.service", "--output", "json", "--no-pager")
	require.Contains(t, record, "INFERD_ANSWER_MAC")
	m.sh(`journalctl --unit inferd INFERD_UNIT=asker.service --output json | inferctl audit prove - --key /etc/inferd/audit.key --answer-file /run/answer`)
	require.Contains(t, m.run("inferctl", "doctor"), "freed memory is overwritten, no other process reads its memory")
	m.sh(`rm /etc/systemd/system/inferd.service.d/audit.conf /etc/inferd/audit.key && mv /tmp/plain.toml /etc/inferd/inferd.toml
		systemctl daemon-reload && systemctl restart inferd`)
}

// testWatchdog stops the process, which systemd must notice and end.
func testWatchdog(t *testing.T, m *machine) {
	m.sh(`mkdir -p /etc/systemd/system/inferd.service.d
		printf '[Service]\nWatchdogSec=3\n' >/etc/systemd/system/inferd.service.d/test.conf
		systemctl daemon-reload && systemctl restart inferd`)
	pid := m.property("inferd.service", "MainPID")
	m.run("kill", "-STOP", pid)
	require.Eventually(t, func() bool {
		now := m.property("inferd.service", "MainPID")
		return now != pid && now != "0" && m.property("inferd.service", "ActiveState") == "active"
	}, 60*time.Second, 200*time.Millisecond)
	require.Equal(t, "1", m.property("inferd.service", "NRestarts"))
	answer, err := m.asks("member", hours)
	require.NoError(t, err, answer)
}

// testKills kills the process twenty times while people ask. Whoever connects
// afterwards waits a moment and is served.
func testKills(t *testing.T, m *machine) {
	const nClients, nKills = 4, 20
	ctx, stop := context.WithCancel(context.Background())
	var clients sync.WaitGroup
	var nAnswers, nBroken, worst atomic.Int64
	var refused sync.Map
	for range nClients {
		clients.Go(func() {
			for ctx.Err() == nil {
				start := time.Now()
				out, err := m.asks("member", hours)
				for took := int64(time.Since(start)); took > worst.Load(); {
					worst.Store(took)
				}
				switch {
				case err == nil:
					nAnswers.Add(1)
				case strings.Contains(out, "no daemon listens"), strings.Contains(out, "refused"):
					refused.Store(out, true)
				default:
					nBroken.Add(1)
				}
			}
		})
	}
	for range nKills {
		time.Sleep(300 * time.Millisecond)
		if pid := m.property("inferd.service", "MainPID"); pid != "0" {
			_, _ = m.try("kill", "-KILL", pid)
		}
		// One request must get through before the next kill.
		before := nAnswers.Load()
		require.Eventually(t, func() bool { return nAnswers.Load() > before+nClients }, 30*time.Second, 20*time.Millisecond)
	}
	stop()
	clients.Wait()
	refused.Range(func(out, _ any) bool {
		t.Errorf("refused: %s", out)
		return true
	})
	nRestarts, err := strconv.Atoi(m.property("inferd.service", "NRestarts"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, nRestarts, nKills)
	t.Logf("%d kills: %d answers, %d broken off, 0 refused, longest wait %v", nKills, nAnswers.Load(), nBroken.Load(), time.Duration(worst.Load()))
}

// testRemoval: nothing of the package is left, and purging takes the data too.
func testRemoval(t *testing.T, m *machine) {
	m.run("dpkg", "--remove", "inferd")
	require.Equal(t, "not-found", m.property("inferd.service", "LoadState"))
	m.sh(`test ! -e /usr/bin/inferd && test ! -e /run/inferd/inferd.sock && test -e /etc/inferd/inferd.toml && test -d /var/lib/inferd/models`)
	m.run("dpkg", "--purge", "inferd")
	m.sh(`test ! -e /etc/inferd && test ! -e /var/lib/inferd && test ! -e /usr/lib/systemd/system/inferd.service`)
}

// exposure is systemd's own estimate of what a unit could do if it were taken
// over, from 0 to 10.
var exposure = regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)

func TestHardening(t *testing.T) {
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("SKIPPED: there is no systemd-analyze")
	}
	for name, test := range map[string]struct {
		dropIn string // beside the unit
		most   float64
	}{
		"service":          {"", 0.4},
		"with a GPU":       {"examples/gpu.conf", 0.7},
		"sockets per app":  {"examples/app-sockets.conf", 0.4},
		"watched pressure": {"examples/memory-pressure.conf", 0.4},
		"audited":          {"examples/audit.conf", 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			unit, err := os.ReadFile("inferd.service")
			require.NoError(t, err)
			if test.dropIn != "" {
				more, err := os.ReadFile(test.dropIn)
				require.NoError(t, err)
				unit = append(append(unit, '\n'), more...)
			}
			path := filepath.Join(dir, "inferd.service")
			require.NoError(t, os.WriteFile(path, unit, 0o600))
			out, err := exec.Command("systemd-analyze", "security", "--no-pager", "--offline=yes", path).CombinedOutput()
			found := exposure.FindSubmatch(out)
			if found == nil {
				t.Skipf("SKIPPED: this systemd-analyze rates no files: %v: %s", err, out)
			}
			value, err := strconv.ParseFloat(string(found[1]), 64)
			require.NoError(t, err)
			t.Logf("exposure %.1f", value)
			require.LessOrEqual(t, value, test.most)
		})
	}
}
