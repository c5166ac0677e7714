package serve

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"time"
)

// Forever is a time to stay loaded that does not end: any below 0.
const Forever time.Duration = -1

// maxKeepAlive is the longest time that is not forever.
const maxKeepAlive = 100 * 365 * 24 * time.Hour

var errKeepAlive = errors.New(`must be a number of seconds or a time such as "5m"; 0 unloads the model after the answer, a number below 0 never`)

// ParseKeepAlive reads the keep_alive of a request as Ollama defines it: a JSON
// number of seconds, or a string with a unit as in "5m" or without one. 0 means
// to unload as soon as nobody uses the model; whatever is below 0, Forever.
func ParseKeepAlive(value json.RawMessage) (time.Duration, error) {
	var text string
	if err := json.Unmarshal(value, &text); err != nil {
		var number json.Number
		if err := json.Unmarshal(value, &number); err != nil {
			return 0, errKeepAlive
		}
		text = number.String()
	}
	return KeepAlive(text)
}

// KeepAlive reads a time to stay loaded as configuration files write it: as
// ParseKeepAlive, without JSON.
func KeepAlive(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if seconds, numberErr := strconv.ParseFloat(text, 64); numberErr == nil {
		if math.IsNaN(seconds) {
			return 0, errKeepAlive
		}
		seconds = min(max(seconds, -1), maxKeepAlive.Seconds())
		d, err = time.Duration(seconds*float64(time.Second)), nil
	}
	switch {
	case err != nil:
		return 0, errKeepAlive
	case d < 0:
		return Forever, nil
	}
	return min(d, maxKeepAlive), nil
}
