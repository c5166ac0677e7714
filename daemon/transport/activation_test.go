package transport

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// childVar makes this test binary play the service that systemd starts.
const childVar = "INFERD_TEST_ACTIVATED"

// activationChild takes the passed socket and greets one client, or says why
// there is no socket.
func activationChild() error {
	passed, err := Activated()
	if err != nil {
		return err
	}
	l := passed.API
	defer l.Close()
	c, err := l.Accept()
	if err != nil {
		return err
	}
	defer c.Close()
	peer, err := peerOf(c.(*net.UnixConn))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c, "uid %d, LISTEN_FDS=%q", peer.UID, os.Getenv("LISTEN_FDS"))
	return err
}

func TestActivatedServesTheSocketSystemdPasses(t *testing.T) {
	if os.Getenv(childVar) != "" {
		if err := activationChild(); err != nil {
			t.Fatal(err)
		}
		return
	}
	path := socketPath(t)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	defer l.Close()
	f, err := l.File()
	require.NoError(t, err)
	defer f.Close()

	// systemd sets LISTEN_PID between fork and exec; the shell does here.
	child := exec.Command("sh", "-c", `LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" -test.run='^TestActivatedServesTheSocketSystemdPasses$'`, os.Args[0])
	child.Env = append(os.Environ(), childVar+"=1")
	child.ExtraFiles = []*os.File{f}
	require.NoError(t, child.Start())

	c, err := net.Dial("unix", path) // waits in the backlog until the child accepts
	require.NoError(t, err)
	defer c.Close()
	greeting, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("uid %d, LISTEN_FDS=%q", os.Getuid(), ""), string(greeting))
	require.NoError(t, child.Wait())
	require.FileExists(t, path, "the socket unit owns the file")
}

func TestActivatedWithoutSystemd(t *testing.T) {
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("LISTEN_FDS", "1")
	passed, err := Activated()
	require.NoError(t, err)
	require.Zero(t, passed, "sockets for another process are not ours")
}

func TestPassedListenersAreListeningUnixSockets(t *testing.T) {
	file := func(s interface{ File() (*os.File, error) }) *os.File {
		f, err := s.File()
		require.NoError(t, err)
		t.Cleanup(func() { f.Close() })
		return f
	}
	named := func(f *os.File, name string) *os.File {
		fd, err := syscall.Dup(int(f.Fd()))
		require.NoError(t, err)
		f = os.NewFile(uintptr(fd), name)
		t.Cleanup(func() { f.Close() })
		return f
	}
	unixListener, err := net.ListenUnix("unix", &net.UnixAddr{Name: socketPath(t), Net: "unix"})
	require.NoError(t, err)
	defer unixListener.Close()
	tcp, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	defer tcp.Close()
	dgram, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socketPath(t), Net: "unixgram"})
	require.NoError(t, err)
	defer dgram.Close()
	connected, err := net.DialUnix("unix", nil, unixListener.Addr().(*net.UnixAddr))
	require.NoError(t, err)
	defer connected.Close()

	for want, files := range map[string][]*os.File{
		"no network":    {file(tcp)},
		"stream":        {file(dgram)},
		"Accept=no":     {file(connected)},
		"two sockets":   {file(unixListener), file(unixListener)},
		"non-socket":    {os.Stdin},
		"got no socket": {named(file(unixListener), AdminName)},
	} {
		p, err := passedListeners(files)
		p.close()
		require.Error(t, err, want)
		if want != "non-socket" {
			require.ErrorContains(t, err, want)
		}
	}
	p, err := passedListeners([]*os.File{named(file(unixListener), AdminName), file(unixListener)})
	require.NoError(t, err)
	require.NotNil(t, p.API)
	require.NotNil(t, p.Admin)
	p.close()
}
