package wire

import (
	"time"

	"inferd/daemon/serve"
)

// KeepAlive reads the member keep_alive, which has one meaning in every format:
// see serve.ParseKeepAlive. It returns nil if there is none, or an empty string.
func (o *Object) KeepAlive() *time.Duration {
	value := o.Take("keep_alive")
	if value == nil || string(value) == `""` {
		return nil
	}
	d, err := serve.ParseKeepAlive(value)
	if err != nil {
		o.Fail("invalid_value", "keep_alive", "%v", err)
	}
	return &d
}
