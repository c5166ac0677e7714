package main

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"inferd/cmd/inferctl/pull"
	"inferd/gguf"
)

var pullCommand = &command{
	name:     "pull",
	synopsis: "SOURCE [--dir D] [--sha256 HEX] [--replace] [--token-file F]",
	summary:  "download a model file, resumable and verified",
	details: `
Download a model file into the directory that the daemon watches. SOURCE is
hf:OWNER/REPO/FILE, with @REVISION behind REPO for another revision than main, or
an https URL. All parts of a split model come with the first.

A download that breaks off is resumed, by itself or by the next run. The file
gets its name when it is complete, has the SHA-256 that --sha256 or the server
names, and is a GGUF file; before that a file of the same name stays as it was.
--sha256 is for models of one file.

HF_ENDPOINT names another hub than huggingface.co, and HF_TOKEN, or the file that
--token-file names, holds a token for sources that want one. The token goes to the
source's own host only.`,
	nArgs: [2]int{1, 1},
	define: func(fs *flag.FlagSet) runFunc {
		p := &pullRun{}
		fs.StringVar(&p.dir, "dir", "", "write into the directory `D`; default: the user's models, for root the system's")
		fs.StringVar(&p.sha256, "sha256", "", "`HEX` digits of the SHA-256 that the file must have")
		fs.BoolVar(&p.replace, "replace", false, "replace a file of the same name")
		fs.StringVar(&p.tokenFile, "token-file", "", "`FILE` that holds an access token")
		return func(ctx context.Context, args []string) error { return p.run(ctx, args[0]) }
	},
}

// pullRun is one call of inferctl pull.
type pullRun struct {
	dir, sha256, tokenFile string
	replace                bool
}

func (r *pullRun) run(ctx context.Context, text string) error {
	source, err := pull.ParseSource(text, cmp.Or(os.Getenv("HF_ENDPOINT"), pull.DefaultHub))
	if err != nil {
		return usagef("pull", "%v", err)
	}
	if sum, err := hex.DecodeString(r.sha256); err != nil || r.sha256 != "" && len(sum) != 32 {
		return usagef("pull", "--sha256 %q: want 64 hexadecimal digits", r.sha256)
	}
	parts, err := source.Parts()
	if err != nil {
		return err
	}
	if len(parts) > 1 && r.sha256 != "" {
		return usagef("pull", "--sha256 is for models of one file, this one has %d", len(parts))
	}
	l := &pull.Puller{SHA256: r.sha256, Replace: r.replace, Check: checkModelFile}
	if l.Token, err = r.token(); err != nil {
		return err
	}
	if l.Dir, err = r.makeDir(); err != nil {
		return err
	}
	for _, part := range parts {
		if err := pullOne(ctx, l, part); err != nil {
			return pullHint(err)
		}
	}
	return nil
}

// token reads the access token; none is fine.
func (r *pullRun) token() (string, error) {
	if r.tokenFile == "" {
		return os.Getenv("HF_TOKEN"), nil
	}
	text, err := os.ReadFile(r.tokenFile)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(text)), nil
}

// makeDir returns where files go; it exists.
func (r *pullRun) makeDir() (string, error) {
	if r.dir != "" {
		return r.dir, nil // the user named it, so a wrong name is an error
	}
	dir := modelsDir()
	return dir, os.MkdirAll(dir, 0o755)
}

// modelsDir is the directory of models that a daemon of this user watches.
func modelsDir() string {
	if os.Getuid() == 0 {
		return "/var/lib/inferd/models"
	}
	home, _ := os.UserHomeDir()
	data := cmp.Or(os.Getenv("XDG_DATA_HOME"), filepath.Join(home, ".local", "share"))
	return filepath.Join(data, "inferd", "models")
}

// pullOne downloads a file and says what it is.
func pullOne(ctx context.Context, l *pull.Puller, s pull.Source) error {
	bar := newProgress(s.Name)
	defer bar.end()
	l.Progress = func(done, total int64) { bar.set(done, total, fmt.Sprintf("%d MiB", done>>20)) }
	result, err := l.Pull(ctx, s)
	bar.end()
	if err != nil {
		return err
	}
	how := "nothing to compare it with"
	if result.Trusted {
		how = "as announced"
	}
	fmt.Printf("%s\n  sha256 %s (%s)\n", result.Path, result.SHA256, how)
	if licence := modelLicence(result.Path); licence != "" {
		fmt.Printf("  licence %s\n", licence)
	}
	return nil
}

// checkModelFile refuses what is no GGUF file or only a beginning of one.
func checkModelFile(path string) error {
	f, err := gguf.OpenPart(path)
	if err != nil {
		return fileError(err)
	}
	return f.Close()
}

// modelLicence returns the licence that a model file names, or "".
func modelLicence(path string) string {
	f, err := gguf.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	licence, _ := f.String("general.license")
	return licence
}

// pullHint adds what can be done about a download that failed.
func pullHint(err error) error {
	switch {
	case errors.Is(err, pull.ErrExists):
		return withHint(err, "--replace downloads it again")
	case errors.Is(err, pull.ErrWrongHash):
		return withHint(err, "the file has been removed; do not use another copy from that source before you know why")
	case errors.Is(err, pull.ErrNoRoom), errors.Is(err, syscall.ENOSPC):
		return withHint(err, "make room and run the command again: it goes on where it stopped")
	case errors.Is(err, os.ErrPermission):
		return withHint(err, "--dir names a directory that you may write to")
	}
	if e, ok := errors.AsType[*pull.StatusError](err); ok {
		switch e.Status {
		case http.StatusUnauthorized, http.StatusForbidden:
			return withHint(err, "the source may want a token (HF_TOKEN, --token-file), or that you accept its licence on its page")
		case http.StatusNotFound:
			return withHint(err, "check the owner, the repository, the revision and the file's name, capitals included")
		}
	}
	return err
}
