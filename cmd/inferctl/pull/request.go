package pull

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// StatusError is an answer that is no file.
type StatusError struct {
	Status int
	URL    string
	After  time.Duration // the server's wish before another attempt; 0 if it has none
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s answers %d %s", e.URL, e.Status, http.StatusText(e.Status))
}

// temporary reports whether the same request may succeed later.
func (e *StatusError) temporary() bool {
	return e.Status == http.StatusRequestTimeout || e.Status == http.StatusTooManyRequests || e.Status >= 500
}

// fetch asks for what p lacks and appends it. Whatever happens, p holds a
// beginning of the version that it names.
func (l *Puller) fetch(ctx context.Context, s Source, p *part) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	resp, linked, err := l.request(ctx, s, p)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	v := linked
	v.URL = s.URL.String()
	if etag := resp.Header.Get("ETag"); !strings.HasPrefix(etag, "W/") {
		v.ETag = etag
	}
	switch resp.StatusCode {
	case http.StatusOK:
		v.Size = max(v.Size, resp.ContentLength)
		if err := p.restart(v); err != nil {
			return err
		}
	case http.StatusPartialContent:
		start, total, err := contentRange(resp.Header.Get("Content-Range"))
		if err != nil {
			return err
		}
		if start != p.nBytes || p.version.Size > 0 && total != p.version.Size {
			_ = p.restart(version{}) // the next attempt asks for all of it
			return &brokenError{fmt.Errorf("%s answers with bytes from %d of %d, wanted from %d of %d", v.URL, start, total, p.nBytes, p.version.Size)}
		}
		p.version.Size = total
	case http.StatusRequestedRangeNotSatisfiable:
		if p.version.Size > 0 && p.nBytes == p.version.Size {
			return nil // it was complete
		}
		_ = p.restart(version{})
		return &brokenError{fmt.Errorf("%s has no bytes behind %d", v.URL, p.nBytes)}
	default:
		return statusError(resp, v.URL)
	}
	if err := l.room(p); err != nil {
		return err
	}
	if err := p.note(); err != nil {
		return err
	}
	return l.copy(resp.Body, p, cancel)
}

// brokenError is a transfer that another attempt may complete.
type brokenError struct{ error }

func (e *brokenError) Unwrap() error { return e.error }

func statusError(resp *http.Response, url string) error {
	e := &StatusError{Status: resp.StatusCode, URL: url}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.After = time.Duration(min(seconds, 3600)) * time.Second
	} else if at, err := http.ParseTime(resp.Header.Get("Retry-After")); err == nil {
		e.After = max(0, min(time.Until(at), time.Hour))
	}
	return e
}

// request sends one GET and follows redirects. What the first answer tells of
// the file it leads to is in linked, as Hugging Face does it: the size, and a
// hash as ETag.
func (l *Puller) request(ctx context.Context, s Source, p *part) (_ *http.Response, linked version, _ error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL.String(), nil)
	if err != nil {
		return nil, version{}, err
	}
	req.Header.Set("User-Agent", "inferctl")
	req.Header.Set("Accept-Encoding", "identity") // ranges are of the file's own bytes
	if l.Token != "" {
		req.Header.Set("Authorization", "Bearer "+l.Token)
	}
	if p.nBytes > 0 && p.version.URL == s.URL.String() && p.version.ETag != "" {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", p.nBytes))
		req.Header.Set("If-Range", p.version.ETag)
	}
	client := *l.client()
	client.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		if len(via) >= 10 {
			return errors.New("more than 10 redirects")
		}
		if from := via[len(via)-1].URL; from.Scheme == "https" && next.URL.Scheme != "https" {
			return fmt.Errorf("redirect from https to %s", next.URL.Scheme)
		}
		if err := checkURL(next.URL); err != nil {
			return fmt.Errorf("redirect to %s: %w", next.URL.Redacted(), err)
		}
		linked = linkedVersion(linked, next.Response.Header)
		return nil
	}
	resp, err := client.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, version{}, context.Cause(ctx)
		}
		return nil, version{}, &brokenError{err}
	}
	return resp, linkedVersion(linked, resp.Header), nil
}

var sha256Pattern = regexp.MustCompile(`^"?([0-9a-f]{64})"?$`)

// linkedVersion adds what a header says of the file behind it.
func linkedVersion(v version, h http.Header) version {
	if m := sha256Pattern.FindStringSubmatch(h.Get("X-Linked-Etag")); m != nil {
		v.SHA256 = m[1]
	}
	if n, err := strconv.ParseInt(h.Get("X-Linked-Size"), 10, 64); err == nil && n > 0 {
		v.Size = n
	}
	return v
}

// contentRange reads "bytes FIRST-LAST/TOTAL" (RFC 9110, 14.4).
func contentRange(text string) (first, total int64, err error) {
	var last int64
	if _, err := fmt.Sscanf(text, "bytes %d-%d/%d", &first, &last, &total); err != nil || first < 0 || last != total-1 || first > last {
		return 0, 0, &brokenError{fmt.Errorf("the answer has the range %q, wanted the rest of the file", text)}
	}
	return first, total, nil
}

var errStalled = errors.New("no bytes have come for too long")

// copy appends body to p. A body that stands still is cut off.
func (l *Puller) copy(body io.Reader, p *part, cancel context.CancelCauseFunc) error {
	stall := l.stallTimeout()
	watch := time.AfterFunc(stall, func() { cancel(errStalled) })
	defer watch.Stop()
	buf := make([]byte, 256<<10)
	for {
		n, err := body.Read(buf)
		watch.Reset(stall)
		if n > 0 {
			if p.version.Size > 0 && p.nBytes+int64(n) > p.version.Size {
				_ = p.restart(version{})
				return &brokenError{fmt.Errorf("more than the announced bytes have come")}
			}
			if _, err := p.Write(buf[:n]); err != nil {
				return err
			}
			l.progress(p.nBytes, p.version.Size)
		}
		if errors.Is(err, io.EOF) {
			if p.version.Size > 0 && p.nBytes < p.version.Size {
				return &brokenError{fmt.Errorf("the transfer ended after %d of %d bytes", p.nBytes, p.version.Size)}
			}
			return nil
		}
		if err != nil {
			return &brokenError{fmt.Errorf("the transfer broke off after %d bytes: %w", p.nBytes, err)}
		}
	}
}
