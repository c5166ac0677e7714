package transport

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListenMakesSocketOfMode0660WhateverTheUmask(t *testing.T) {
	for _, umask := range []int{0, 0o022, 0o777} {
		path := socketPath(t)
		old := syscall.Umask(umask)
		l, err := Listen(path, ProgramsMode)
		syscall.Umask(old)
		require.NoError(t, err)

		info, err := os.Lstat(path)
		require.NoError(t, err)
		require.Equal(t, fs.ModeSocket|0o660, info.Mode(), "umask %o", umask)
		c, err := net.Dial("unix", l.Addr().String())
		require.NoError(t, err)
		c.Close()

		require.NoError(t, l.Close())
		require.NoFileExists(t, path)
		require.NoFileExists(t, path+"~")
		require.ErrorIs(t, l.Close(), net.ErrClosed)
	}
}

func TestListenMakesLastFolderOnly(t *testing.T) {
	dir := filepath.Dir(socketPath(t))
	l, err := Listen(filepath.Join(dir, "inferd", "s"), ProgramsMode)
	require.NoError(t, err)
	require.NoError(t, l.Close())

	_, err = Listen(filepath.Join(dir, "typo", "inferd", "s"), ProgramsMode)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestListenReplacesDeadSocket(t *testing.T) {
	path := socketPath(t)
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	dead.SetUnlinkOnClose(false) // as after kill -9
	require.NoError(t, dead.Close())
	require.NoError(t, os.WriteFile(path+"~", nil, 0o600), "left by a start that was killed")

	l, err := Listen(path, ProgramsMode)
	require.NoError(t, err)
	defer l.Close()
	c, err := net.Dial("unix", path)
	require.NoError(t, err)
	c.Close()
}

func TestListenLeavesLivingSocketAlone(t *testing.T) {
	path := socketPath(t)
	foreign, err := net.Listen("unix", path) // somebody who takes no lock
	require.NoError(t, err)
	_, err = Listen(path, ProgramsMode)
	require.ErrorIs(t, err, ErrInUse)
	c, err := net.Dial("unix", path)
	require.NoError(t, err, "the living socket still answers")
	c.Close()
	require.NoError(t, foreign.Close())

	first, err := Listen(path, ProgramsMode)
	require.NoError(t, err)
	_, err = Listen(path, ProgramsMode)
	require.ErrorIs(t, err, ErrInUse)
	require.NoError(t, first.Close())

	second, err := Listen(path, ProgramsMode)
	require.NoError(t, err, "free again after Close")
	require.NoError(t, second.Close())
}

func TestListenRefusesWhatIsNoSocket(t *testing.T) {
	path := socketPath(t)
	dir := filepath.Dir(path)
	target := filepath.Join(dir, "target")
	require.NoError(t, os.WriteFile(target, []byte("precious"), 0o600))
	for kind, make := range map[string]func(){
		"regular file":  func() { require.NoError(t, os.WriteFile(path, []byte("precious"), 0o600)) },
		"symbolic link": func() { require.NoError(t, os.Symlink(target, path)) },
		"folder":        func() { require.NoError(t, os.Mkdir(path, 0o700)) },
		"special file":  func() { require.NoError(t, syscall.Mkfifo(path, 0o600)) },
	} {
		make()
		_, err := Listen(path, ProgramsMode)
		require.ErrorContains(t, err, kind)
		_, err = os.Lstat(path)
		require.NoError(t, err, "%s is still there", kind)
		require.NoError(t, os.Remove(path))
	}
	content, err := os.ReadFile(target)
	require.NoError(t, err)
	require.Equal(t, "precious", string(content))
}

func TestListenNamesBothLengthsOfALongPath(t *testing.T) {
	_, err := Listen("/tmp/"+strings.Repeat("x", 200), ProgramsMode)
	require.ErrorContains(t, err, "205 bytes")
	require.ErrorContains(t, err, "106")

	// The longest path that is let through does work.
	dir := filepath.Dir(socketPath(t))
	path := filepath.Join(dir, strings.Repeat("x", maxPathBytes-len(dir)-1))
	l, err := Listen(path, ProgramsMode)
	require.NoError(t, err)
	require.NoError(t, l.Close())
}

func TestDefaultPath(t *testing.T) {
	for _, test := range []struct{ service, user, want string }{
		{"", "", "/run/inferd/inferd.sock"},
		{"", "/run/user/7", "/run/user/7/inferd/inferd.sock"},
		{"/run/inferd", "/run/user/7", "/run/inferd/inferd.sock"},
		{"", "relative", "/run/inferd/inferd.sock"},
	} {
		t.Setenv("RUNTIME_DIRECTORY", test.service)
		t.Setenv("XDG_RUNTIME_DIR", test.user)
		require.Equal(t, test.want, DefaultPath(), "%+v", test)
	}
}
