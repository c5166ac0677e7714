package openai

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"inferd/daemon/serve"
	"inferd/daemon/wire"
)

// number is a parameter of a request and what it may be.
type number struct {
	path, body, param string
	low, high         float64
	isInteger         bool
}

const (
	bodyChat   = `"messages":[{"role":"user","content":"hi"}]`
	bodyText   = `"prompt":"hi"`
	bodyInput  = `"input":"hi"`
	bodyRerank = `"query":"q","documents":["d"]`
)

var numbers = func() (list []number) {
	const most = math.MaxInt32
	add := func(path, body, param string, low, high float64, isInteger bool) {
		list = append(list, number{path, body, param, low, high, isInteger})
	}
	for path, body := range map[string]string{chatPath: bodyChat, textPath: bodyText, responsePath: bodyInput} {
		add(path, body, "temperature", 0, 2, false)
		add(path, body, "top_p", 0, 1, false)
		add(path, body, "min_p", 0, 1, false)
		add(path, body, "presence_penalty", -2, 2, false)
		add(path, body, "frequency_penalty", -2, 2, false)
		add(path, body, "repeat_penalty", 0, 10, false)
		add(path, body, "repetition_penalty", 0, 10, false)
		add(path, body, "top_k", 0, most, true)
		add(path, body, "repeat_last_n", 0, most, true)
		add(path, body, "seed", math.MinInt64, math.MaxInt64, true)
		if path != responsePath {
			add(path, body, "n", 1, maxChoices, true)
			add(path, body, "prompt_logprobs", 0, maxTopLogProbs, true)
		}
	}
	add(chatPath, bodyChat, "max_tokens", 1, most, true)
	add(chatPath, bodyChat, "max_completion_tokens", 1, most, true)
	add(chatPath, bodyChat+`,"logprobs":true`, "top_logprobs", 0, maxTopLogProbs, true)
	add(textPath, bodyText+`,"echo":true`, "max_tokens", 0, most, true)
	add(textPath, bodyText, "logprobs", 0, maxTopLogProbs, true)
	add(responsePath, bodyInput, "max_output_tokens", 1, most, true)
	add(responsePath, bodyInput, "top_logprobs", 0, maxTopLogProbs, true)
	add(embedPath, bodyInput, "dimensions", 1, most, true)
	add(rerankPath, bodyRerank, "top_n", 1, most, true)
	return list
}()

// TestNumbersOutOfRangeAreNamed with what is allowed; null is as good as none.
func TestNumbersOutOfRangeAreNamed(t *testing.T) {
	s, m := newService(t)
	m.info.Capabilities = []serve.Capability{serve.Rerank}
	for _, p := range numbers {
		ask := func(value string) (int, map[string]any) {
			return s.post(t, p.path, fmt.Sprintf(`{"model":"fake",%s,%q:%s}`, p.body, p.param, value))
		}
		refused := func(value, code string) string {
			status, got := ask(value)
			require.Equal(t, http.StatusBadRequest, status, "%s %s=%s", p.path, p.param, value)
			require.Equal(t, p.param, at(t, got, "error", "param"), "%s=%s", p.param, value)
			require.Equal(t, code, at(t, got, "error", "code"), "%s=%s", p.param, value)
			return at(t, got, "error", "message").(string)
		}
		outside := []string{"1e308", "-1e308", "9223372036854775808", "-9223372036854775809"}
		for _, v := range []float64{p.low - 1, p.high + 1, -1, 1 << 31} {
			if v < p.low || v > p.high {
				outside = append(outside, strconv.FormatFloat(v, 'f', -1, 64))
			}
		}
		for _, value := range outside {
			message := refused(value, "invalid_value")
			require.Contains(t, message, value)
			if p.isInteger {
				require.Contains(t, message, fmt.Sprintf("from %d to %d", int64(p.low), clampInt(p.high)))
			} else {
				require.Contains(t, message, fmt.Sprintf("from %g to %g", p.low, p.high))
			}
		}
		for _, value := range []string{`"1"`, `true`, `[]`, `{}`} {
			refused(value, "invalid_type")
		}
		if p.isInteger {
			refused("1.5", "invalid_type")
		}
		status, got := ask("null")
		if p.path != embedPath { // this model scores
			require.Equal(t, http.StatusOK, status, "%s: %v", p.param, got)
		}
	}
}

// TestNeutralValues of other servers' parameters change nothing; others are 400.
func TestNeutralValues(t *testing.T) {
	s, m := newService(t)
	for _, p := range neutral {
		for _, value := range append(p.values, "null") {
			status, got := s.post(t, chatPath, fmt.Sprintf(`{"model":"fake","seed":1,%s,%q:%s}`, bodyChat, p.member, value))
			require.Equal(t, http.StatusOK, status, "%s=%s: %v", p.member, value, got)
			require.Equal(t, m.asked[0], m.asked[len(m.asked)-1], "%s=%s", p.member, value)
		}
		for _, value := range []string{`"x"`, "7", "[1]", `{"a":1}`, "true", "false"} {
			if slices.Contains(p.values, value) {
				continue
			}
			status, got := s.post(t, chatPath, fmt.Sprintf(`{"model":"fake",%s,%q:%s}`, bodyChat, p.member, value))
			require.Equal(t, http.StatusBadRequest, status, "%s=%s", p.member, value)
			require.Equal(t, "unsupported_parameter", at(t, got, "error", "code"), "%s=%s", p.member, value)
		}
	}
	status, _ := s.post(t, chatPath, `{"model":"fake",`+bodyChat+`,"cache_prompt":true,"id_slot":-1,"priority":3}`)
	require.Equal(t, http.StatusOK, status)
}

func clampInt(f float64) int64 {
	if f >= math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(f)
}

// FuzzOtherBodies holds for the rest of what is posted that every body gets a
// request or a 400.
func FuzzOtherBodies(f *testing.F) {
	for _, seed := range []string{
		`{"model":"m","input":"hi","instructions":"i","text":{"format":{"type":"json_schema","schema":{}}},"reasoning":{"effort":"low"}}`,
		`{"model":"m","input":[{"type":"reasoning","content":[{"type":"reasoning_text","text":"a"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"x"}]}`,
		`{"model":"m","input":"hi","tools":[{"type":"function","name":"f","parameters":{}}],"tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"f"}]}}`,
		`{"model":"m","input":[[1],[2,3]],"encoding_format":"base64","dimensions":2,"adapter":[{"name":"a","scale":2}],"keep_alive":"5m"}`,
		`{"model":"m","query":"q","documents":["a",{"text":"b"}],"top_n":1}`,
		`{"model":"m","messages":[{"role":"user","content":"a"}],"chat_template_kwargs":{"a":1,"b":"c","d":true},"receipt":true}`,
		`{"model":"m","prompt":"a","add_special_tokens":false,"parse_special":true,"return_token_strs":true}`,
		`{"model":"m","tokens":[1,2,-3],"show_special":true}`,
		`{"model":"m","input":["a","b"],"threshold":0.5}`,
		`{"model":"m","include":["message.output_text.logprobs"],"input":[{"role":"assistant","content":[{"type":"refusal","refusal":"no"}]}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := decodeResponse(wire.ParseBody(body))
		if err != nil {
			require400(t, err)
		} else {
			require.Equal(t, 1, r.N)
			requireBounds(t, r.Params)
		}
		e, err := decodeEmbeddings(wire.ParseBody(body))
		if err != nil {
			require400(t, err)
		} else {
			require.NotEmpty(t, e.inputs)
		}
		k, err := decodeRerank(wire.ParseBody(body))
		if err != nil {
			require400(t, err)
		} else {
			require.NotEmpty(t, k.documents)
			require.Positive(t, k.topN)
		}
		if _, err := decodeTokenize(wire.ParseBody(body)); err != nil {
			require400(t, err)
		}
		if _, err := decodeDetokenize(wire.ParseBody(body)); err != nil {
			require400(t, err)
		}
		c, err := decodeClassify(wire.ParseBody(body))
		if err != nil {
			require400(t, err)
		} else {
			require.NotEmpty(t, c.texts)
			require.LessOrEqual(t, c.threshold, float32(1))
		}
	})
}
