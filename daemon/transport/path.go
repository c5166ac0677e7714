package transport

import (
	"os"
	"path/filepath"
	"strings"
)

// DefaultPath returns where the daemon's socket is if nobody says otherwise,
// and where its clients look first: in the folder that systemd made for the
// service ($RUNTIME_DIRECTORY), in the user's runtime folder
// ($XDG_RUNTIME_DIR/inferd), or in /run/inferd.
func DefaultPath() string {
	dir := "/run/inferd"
	if service := os.Getenv("RUNTIME_DIRECTORY"); filepath.IsAbs(service) {
		dir = service
	} else if user := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(user) {
		dir = filepath.Join(user, "inferd")
	}
	return filepath.Join(dir, "inferd.sock")
}

// AdminPath returns where administrators are listened to, if nobody says
// otherwise: "-admin" in the name of the socket for programs, beside it.
func AdminPath(socket string) string {
	name, isSock := strings.CutSuffix(socket, ".sock")
	if !isSock {
		return socket + "-admin"
	}
	return name + "-admin.sock"
}
