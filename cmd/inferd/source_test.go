package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPackageComments: a newcomer reads one doc.go per folder, so every
// package has one; a package of a single file may keep its comment there.
func TestPackageComments(t *testing.T) {
	for _, p := range listPackages(t, "amd64") {
		if p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
		if len(p.GoFiles) > 1 && !slices.Contains(p.GoFiles, "doc.go") {
			t.Errorf("%s has several files but no doc.go", p.ImportPath)
		}
	}
}

// networkNames are identifiers that lead to a network socket. Package net's
// Listen, ListenConfig, Dial and DialTimeout are allowed in daemon/transport,
// the one package that opens sockets, where the network's name is checked.
var networkNames = map[string][]string{
	"net": {
		"ListenTCP", "ListenUDP", "ListenIP", "ListenPacket", "ListenMulticastUDP", "DialTCP", "DialUDP", "DialIP",
		"Listen", "ListenConfig", "Dial", "DialTimeout", "Dialer", "Resolver", "DefaultResolver",
		"LookupHost", "LookupIP", "LookupAddr", "ResolveTCPAddr", "ResolveUDPAddr", "ResolveIPAddr",
	},
	"net/http": {
		"ListenAndServe", "ListenAndServeTLS", "Get", "Head", "Post", "PostForm",
		"Client", "DefaultClient", "Transport", "DefaultTransport",
	},
	"syscall":               {"Socket", "AF_INET", "AF_INET6"},
	"golang.org/x/sys/unix": {"Socket", "AF_INET", "AF_INET6"},
}

// inTransport may be used by daemon/transport.
var inTransport = []string{"Listen", "ListenConfig", "Dial", "DialTimeout"}

// TestDaemonOpensNoNetworkSocket reads the source of all our packages that the
// daemon is made of.
func TestDaemonOpensNoNetworkSocket(t *testing.T) {
	packages := listPackages(t, "amd64")
	i := slices.IndexFunc(packages, func(p goPackage) bool { return p.ImportPath == module+"/cmd/inferd" })
	require.GreaterOrEqual(t, i, 0)
	daemon := append(slices.Clone(packages[i].Deps), packages[i].ImportPath)
	for _, p := range packages {
		if !slices.Contains(daemon, p.ImportPath) {
			continue
		}
		for _, name := range p.GoFiles {
			path := filepath.Join(p.Dir, name)
			fset := token.NewFileSet()
			file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			for _, use := range networkUses(file, p.ImportPath == module+"/daemon/transport") {
				t.Errorf("%s: %s can open a network socket", fset.Position(use.Pos()), use.what)
			}
		}
	}
}

// networkUse is an expression that networkNames forbids.
type networkUse struct {
	ast.Node
	what string
}

// networkUses finds the forbidden expressions of a file.
func networkUses(file *ast.File, isTransport bool) []networkUse {
	paths := map[string]string{} // local name of an import → its path
	for _, imp := range file.Imports {
		path, _ := strconv.Unquote(imp.Path.Value)
		name := path[strings.LastIndexByte(path, '/')+1:]
		if imp.Name != nil {
			name = imp.Name.Name
		}
		paths[name] = path
	}
	var uses []networkUse
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			pkg, ok := n.X.(*ast.Ident)
			if !ok || !slices.Contains(networkNames[paths[pkg.Name]], n.Sel.Name) {
				return true
			}
			if !isTransport || !slices.Contains(inTransport, n.Sel.Name) {
				uses = append(uses, networkUse{n, pkg.Name + "." + n.Sel.Name})
			}
		case *ast.BasicLit:
			if s, err := strconv.Unquote(n.Value); err == nil && slices.Contains([]string{"tcp", "tcp4", "tcp6", "udp", "udp4", "udp6"}, s) {
				uses = append(uses, networkUse{n, n.Value})
			}
		}
		return true
	})
	return uses
}

// The scanner must find what it looks for.
func TestNetworkUses(t *testing.T) {
	const source = `package p
import ("net"; web "net/http")
func f() {
	net.Listen("unix", "/s")
	net.Listen("tcp", ":1")
	web.ListenAndServe(":1", nil)
	net.JoinHostPort("a", "b")
}`
	file, err := parser.ParseFile(token.NewFileSet(), "p.go", source, 0)
	require.NoError(t, err)
	what := func(uses []networkUse) (out []string) {
		for _, u := range uses {
			out = append(out, u.what)
		}
		return out
	}
	require.Equal(t, []string{"net.Listen", "net.Listen", `"tcp"`, "web.ListenAndServe"}, what(networkUses(file, false)))
	require.Equal(t, []string{`"tcp"`, "web.ListenAndServe"}, what(networkUses(file, true)))
}
