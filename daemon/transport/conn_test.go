package transport

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSlicesOfHandlersStay: behind a write net/http's buffer is cleared, and no
// handler's slice, whatever its size and however it comes to the connection.
func TestSlicesOfHandlersStay(t *testing.T) {
	var page []byte
	after := make(chan []byte, 1)
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/sized" {
			w.Header().Set("Content-Length", strconv.Itoa(2*len(page)))
		}
		_, _ = w.Write(page)
		w.(interface{ Unwrap() http.ResponseWriter }).Unwrap().(http.Flusher).Flush() // nothing is buffered now
		_, _ = w.Write(page)
		after <- bytes.Clone(page)
	}, nil)
	client := s.client(t)
	for _, capacity := range []int{connBuffer / 2, connBuffer, connBuffer + 1, connBuffer + 100, 2 * connBuffer, 16 * connBuffer} {
		for _, length := range []int{1, capacity / 2, capacity - 1, capacity} {
			for _, path := range []string{"/sized", "/chunked"} {
				want := bytes.Repeat([]byte("x"), length)
				page = append(make([]byte, 0, capacity), want...)
				resp, err := client.Get("http://inferd" + path)
				require.NoError(t, err)
				got := new(bytes.Buffer)
				_, err = got.ReadFrom(resp.Body)
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
				name := fmt.Sprintf("%s: %d of %d bytes", path, length, capacity)
				require.Equal(t, append(want, want...), got.Bytes(), name)
				require.Equal(t, want, <-after, name)
			}
		}
	}
}
