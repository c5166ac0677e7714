package pull

import (
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// DefaultHub is where the hf: scheme leads.
const DefaultHub = "https://huggingface.co"

// Source is a remote model file.
type Source struct {
	URL  *url.URL
	Name string // of the local file
}

// namePattern is what a model file may be called. It has no separators, does
// not begin with a dot and ends in .gguf.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.gguf$`)

// ParseSource reads hf:OWNER/REPO/FILE, with @REVISION behind REPO if another
// than main is meant, or an https URL. hub is the address that hf: stands for,
// DefaultHub unless the user has a mirror.
func ParseSource(text, hub string) (Source, error) {
	raw := text
	if rest, ok := strings.CutPrefix(text, "hf:"); ok {
		parts := strings.SplitN(rest, "/", 3)
		if len(parts) != 3 || parts[0] == "" || parts[1] == "" || parts[2] == "" {
			return Source{}, fmt.Errorf("source %q: want hf:OWNER/REPO/FILE", text)
		}
		repo, revision, hasRevision := strings.Cut(parts[1], "@")
		if !hasRevision {
			revision = "main"
		}
		if plain, err := url.PathUnescape(revision); err == nil { // refs%2Fpr%2F1
			revision = plain
		}
		raw = strings.TrimSuffix(hub, "/") + "/" + url.PathEscape(parts[0]) + "/" + url.PathEscape(repo) +
			"/resolve/" + url.PathEscape(revision) + "/" + escapePath(parts[2])
	}
	u, err := url.Parse(raw)
	if err != nil {
		return Source{}, fmt.Errorf("source %q: %w", text, err)
	}
	if err := checkURL(u); err != nil {
		return Source{}, fmt.Errorf("source %q: %w", text, err)
	}
	name := path.Base(u.Path)
	if !namePattern.MatchString(name) {
		return Source{}, fmt.Errorf("source %q: file name %q: want letters, digits, '.', '_' and '-', ending in .gguf", text, name)
	}
	return Source{URL: u, Name: name}, nil
}

func escapePath(p string) string {
	segments := strings.Split(p, "/")
	for i := range segments {
		segments[i] = url.PathEscape(segments[i])
	}
	return strings.Join(segments, "/")
}

// checkURL allows https anywhere, and http on this machine.
func checkURL(u *url.URL) error {
	switch {
	case u.Host == "":
		return fmt.Errorf("want hf:OWNER/REPO/FILE or an https URL")
	case u.User != nil:
		return fmt.Errorf("a URL with a password in it ends up in logs, use --token-file")
	case u.Scheme == "https", u.Scheme == "http" && IsLoopback(u.Hostname()):
		return nil
	case u.Scheme == "http":
		return fmt.Errorf("http is for servers on this machine, want https")
	default:
		return fmt.Errorf("scheme %q is not supported, want https", u.Scheme)
	}
}

// IsLoopback reports whether a host is this machine's loopback interface.
func IsLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// partPattern matches the name of a file that is one of several parts.
var partPattern = regexp.MustCompile(`^(.*-)(\d{5})(-of-)(\d{5})(\.gguf)$`)

// maxParts bounds the files of one split model.
const maxParts = 1000

// Parts returns the sources of all parts of a split model, in order, or s alone
// where its name does not say that it is one of several.
func (s Source) Parts() ([]Source, error) {
	m := partPattern.FindStringSubmatch(s.Name)
	if m == nil {
		return []Source{s}, nil
	}
	n, _ := strconv.Atoi(m[4]) // five digits
	if n < 1 || n > maxParts {
		return nil, fmt.Errorf("file %q is one of %d parts, want 1 to %d", s.Name, n, maxParts)
	}
	sources := make([]Source, n)
	for i := range sources {
		name := fmt.Sprintf("%s%05d%s%s%s", m[1], i+1, m[3], m[4], m[5])
		u := *s.URL
		u.Path = path.Join(path.Dir(u.Path), name)
		u.RawPath = ""
		sources[i] = Source{URL: &u, Name: name}
	}
	return sources, nil
}
