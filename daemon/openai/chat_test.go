package openai

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"inferd/daemon/ask"
	"inferd/daemon/auth"
	"inferd/daemon/serve"
	"inferd/runtime"
	"inferd/tokenizer"
)

const chatPath = "/v1/chat/completions"

func TestChat(t *testing.T) {
	s, m := newService(t)
	status, got := s.post(t, chatPath, `{"model":"fake","messages":[
		{"role":"system","content":"be brief"},
		{"role":"user","name":"ann","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]},
		{"role":"assistant","content":"hm","refusal":null,"tool_calls":[]},
		{"role":"user","content":"go on"}]}`)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, []string{"system/: be brief\nuser/ann: one\ntwo\nassistant/: hm\nuser/: go on\n"}, m.prompts)

	require.Regexp(t, "^chatcmpl-[a-z2-7]{26}$", got["id"])
	require.Equal(t, "chat.completion", got["object"])
	require.InDelta(t, time.Now().Unix(), got["created"], 60)
	require.Equal(t, "fake", got["model"])
	require.Equal(t, "fp_fake", got["system_fingerprint"])
	require.Equal(t, []any{map[string]any{
		"index":         0.0,
		"message":       map[string]any{"role": "assistant", "content": "ok", "refusal": nil},
		"logprobs":      nil,
		"finish_reason": "stop",
	}}, got["choices"])
	nPrompt := float64(1 + len(m.prompts[0]))
	require.Equal(t, map[string]any{
		"prompt_tokens": nPrompt, "completion_tokens": 3.0, "total_tokens": nPrompt + 3,
		"prompt_tokens_details":     map[string]any{"cached_tokens": 1.0},
		"completion_tokens_details": map[string]any{"reasoning_tokens": 0.0},
	}, got["usage"])
	require.Zero(t, m.nOpen)
}

func TestChatParametersReachTheModel(t *testing.T) {
	s, m := newService(t)
	status, got := s.post(t, chatPath, `{"model":"fake","messages":[{"role":"user","content":"hi"}],
		"temperature":0.5,"top_p":0.25,"top_k":7,"min_p":0.125,"seed":-3,"n":2,
		"presence_penalty":1,"frequency_penalty":-1,"repetition_penalty":1.5,"repeat_last_n":9,
		"logit_bias":{"9":-100,"4":2.5},"stop":["a","bb"],"max_completion_tokens":5,
		"logprobs":true,"top_logprobs":2,"ignore_eos":true,
		"user":"u","metadata":{"a":"b"},"tools":[],"tool_choice":"none","response_format":{"type": "text"},
		"store":false,"audio":null,"parallel_tool_calls":true}`)
	require.Equal(t, http.StatusOK, status, got)
	seed := int64(-3)
	want := runtime.GenerationOptions{
		Sampling: runtime.SamplingParams{
			Temperature: 0.5, TopK: 7, TopP: 0.25, MinP: 0.125,
			RepeatPenalty: 1.5, RepeatLastN: 9, FrequencyPenalty: -1, PresencePenalty: 1,
			LogitBias: []runtime.TokenBias{{Token: 4, Bias: 2.5}, {Token: 9, Bias: -100}},
			Seed:      uint64(seed),
		},
		Stop: []string{"a", "bb"}, MaxTokens: 5, IgnoreEOG: true, LogProbs: true, TopLogProbs: 2,
	}
	second := want
	second.Sampling.Seed++
	require.Equal(t, []runtime.GenerationOptions{want, second}, m.asked)
	require.Len(t, got["choices"], 2)

	m.asked = nil
	s.post(t, chatPath, `{"model":"fake","messages":[{"role":"user","content":"hi"}],"seed":1}`)
	defaults := runtime.DefaultSampling()
	defaults.Seed = 1
	require.Equal(t, []runtime.GenerationOptions{{Sampling: defaults, MaxTokens: 200 - len("<user/: hi\n")}}, m.asked,
		"without a bound an answer may fill the context")

	m.asked = nil
	for range 2 {
		s.post(t, chatPath, `{"model":"fake","messages":[{"role":"user","content":"hi"}],"stop":"x","seed":null}`)
	}
	require.Equal(t, []string{"x"}, m.asked[0].Stop)
	require.NotEqual(t, m.asked[0].Sampling.Seed, m.asked[1].Sampling.Seed, "without a seed each answer has its own")
}

func TestChatLogProbs(t *testing.T) {
	s, m := newService(t)
	m.reply = func(runtime.GenerationOptions) string { return "aé" }
	_, got := s.post(t, chatPath, `{"model":"fake","messages":[{"role":"user","content":"hi"}],"logprobs":true,"top_logprobs":1}`)
	top := []any{map[string]any{"token": "A", "logprob": 0.0, "bytes": []any{65.0}}}
	entry := func(token string, b int) map[string]any {
		return map[string]any{"token": token, "logprob": -float64(b+3) / 100, "bytes": []any{float64(b)}, "top_logprobs": top}
	}
	require.Equal(t, map[string]any{
		"content": []any{entry("a", 'a'), entry("\uFFFD", 0xC3), entry("\uFFFD", 0xA9)},
		"refusal": nil,
	}, at(t, got, "choices", 0, "logprobs"), "the token that ends the answer is not among them")
	require.Equal(t, "aé", at(t, got, "choices", 0, "message", "content"))
}

func TestChatStream(t *testing.T) {
	s, m := newService(t)
	m.reply = func(runtime.GenerationOptions) string { return "hé" }
	events := s.events(t, chatPath, `{"model":"fake","messages":[{"role":"user","content":"hi"}],"stream":true}`)
	var deltas []any
	for _, e := range events {
		require.Equal(t, "chat.completion.chunk", e["object"])
		require.Equal(t, events[0]["id"], e["id"])
		require.Equal(t, "fp_fake", e["system_fingerprint"])
		require.NotContains(t, e, "usage")
		deltas = append(deltas, at(t, e, "choices", 0, "delta"), at(t, e, "choices", 0, "finish_reason"))
	}
	require.Equal(t, []any{
		map[string]any{"role": "assistant", "content": ""}, nil,
		map[string]any{"content": "h"}, nil,
		map[string]any{"content": "é"}, nil,
		map[string]any{}, "stop",
	}, deltas)
}

func TestChatStreamWithUsageChoicesAndLogProbs(t *testing.T) {
	s, _ := newService(t)
	events := s.events(t, chatPath, `{"model":"fake","messages":[{"role":"user","content":"hi"}],"stream":true,
		"stream_options":{"include_usage":true},"n":2,"logprobs":true,"max_tokens":1}`)
	texts := map[float64]string{}
	finish := map[float64]any{}
	for _, e := range events[:len(events)-1] {
		require.Contains(t, e, "usage")
		require.Nil(t, e["usage"])
		index := at(t, e, "choices", 0, "index").(float64)
		if text, ok := at(t, e, "choices", 0, "delta").(map[string]any)["content"].(string); ok && text != "" {
			texts[index] += text
			require.Equal(t, text, at(t, e, "choices", 0, "logprobs", "content", 0, "token"))
		}
		finish[index] = at(t, e, "choices", 0, "finish_reason")
	}
	require.Equal(t, map[float64]string{0: "o", 1: "o"}, texts)
	require.Equal(t, map[float64]any{0: "length", 1: "length"}, finish)
	last := events[len(events)-1]
	require.Empty(t, last["choices"])
	require.Equal(t, 2.0, at(t, last, "usage", "completion_tokens"))
	require.Equal(t, 11.0, at(t, last, "usage", "prompt_tokens"), "one prompt, however many answers")
}

func TestChatStreamPingsWhileNothingComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := newService(t)
		m.hang = make(chan struct{})
		go func() {
			time.Sleep(26 * time.Second) // with a ping every ten
			close(m.hang)
		}()
		w := s.do(t.Context(), "POST", chatPath, `{"model":"fake","messages":[{"role":"user","content":"hi"}],"stream":true}`)
		require.Regexp(t, `"content":"k"[^\n]*\n\n: ping\n\n: ping\n\ndata: [^\n]*"stop"`, w.Body.String())
	})
}

// TestChatStreamTellsHowFarAPromptIs: nothing comes while a long prompt is read,
// but its progress.
func TestChatStreamTellsHowFarAPromptIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, m := newService(t)
		m.hang, m.nDone = make(chan struct{}), 4
		go func() {
			time.Sleep(16 * time.Second)
			close(m.hang)
		}()
		w := s.do(t.Context(), "POST", chatPath, `{"model":"fake","messages":[{"role":"user","content":"hi"}],"stream":true}`)
		require.Contains(t, w.Body.String(), "\n\n: progress 4/10\n\n")
	})
}

// TestVariablesReachTheTemplate in every way that clients know.
func TestVariablesReachTheTemplate(t *testing.T) {
	for body, want := range map[string]string{
		`"chat_template_kwargs":{"enable_thinking":false,"n":3,"s":"x","none":null}`: "map[enable_thinking:false n:3 s:x]",
		`"reasoning_effort":"high","verbosity":"low"`:                                "map[reasoning_effort:high verbosity:low]",
		`"reasoning_effort":"none"`:                                                  "map[enable_thinking:false reasoning_effort:none]",
		`"reasoning_effort":"none","chat_template_kwargs":{"enable_thinking":true}`:  "map[enable_thinking:true reasoning_effort:none]",
	} {
		s, m := newService(t)
		status, got := s.post(t, chatPath, chatBody(","+body))
		require.Equal(t, http.StatusOK, status, got)
		require.True(t, strings.HasPrefix(m.prompts[0], want), m.prompts[0])
	}
}

// TestWhatClientsSendOfThemselves has no effect here, but must not be refused.
func TestWhatClientsSendOfThemselves(t *testing.T) {
	s, _ := newService(t)
	for _, rest := range []string{
		`"store":false,"service_tier":"flex","parallel_tool_calls":true,"user":"u","metadata":{},"modalities":["text"]`,
		`"prediction":{"type":"content","content":"x"},"tool_choice":"auto","tools":[],"functions":null,"logit_bias":{}`,
		`"safety_identifier":"s","prompt_cache_key":"k","prompt_cache_retention":"24h","response_format":{"type":"text"}`,
		`"audio":null,"store":null,"n":null,"stop":[],"max_tokens":null,"stream_options":null,"web_search_options":null`,
	} {
		status, got := s.post(t, chatPath, chatBody(","+rest))
		require.Equal(t, http.StatusOK, status, "%s: %v", rest, got)
	}
	status, got := s.post(t, chatPath, `{"model":"fake","messages":[{"role":"developer","content":[{"type":"text","text":"a"}]},
		{"role":"assistant","content":[{"type":"refusal","refusal":"no"}],"reasoning":"r","reasoning_content":"r","refusal":"no","audio":null,"function_call":null,"tool_calls":null}]}`)
	require.Equal(t, http.StatusBadRequest, status, "a refusal beside the content would be lost")
	require.Equal(t, "messages[1].refusal", at(t, got, "error", "param"))
}

func TestPromptLogProbs(t *testing.T) {
	s, _ := newService(t)
	for path, body := range map[string]string{
		chatPath: chatBody(`,"prompt_logprobs":1`),
		textPath: `{"model":"fake","prompt":"ab","prompt_logprobs":1,"max_tokens":0}`,
	} {
		status, got := s.post(t, path, body)
		require.Equal(t, http.StatusOK, status, got)
		list, isChat := got["prompt_logprobs"].([]any)
		if !isChat {
			list = at(t, got, "choices", 0, "prompt_logprobs").([]any)
			require.Equal(t, map[string]any{"logprob": -1.0, "decoded_token": "a"}, at(t, list, 1, "100"))
			require.Equal(t, map[string]any{"logprob": 0.0, "rank": 1.0, "decoded_token": "A"}, at(t, list, 1, "68"))
		}
		require.Len(t, list, int(at(t, got, "usage", "prompt_tokens").(float64)))
		require.Nil(t, list[0])
	}
}

// TestReceipts tell all that an answer depends on, of every choice.
func TestReceipts(t *testing.T) {
	s, _ := newService(t)
	const rest = `"seed":-5,"n":2,"max_tokens":2,"stop":["x"],"temperature":0.5,"receipt":true,"response_format":{"type":"json_object"}`
	_, got := s.post(t, chatPath, chatBody(","+rest))
	receipt := at(t, got, "receipt")
	for key, want := range map[string]any{
		"version": 1.0, "model": "fake", "system_fingerprint": "fp_fake", "model_sha256": "model",
		"contract": 1.0, "backend": "cpu", "kv_type": "F32", "n_ctx": 200.0, "stop": []any{"x"},
		"format":  map[string]any{"kind": "json"},
		"prompts": []any{map[string]any{"sha256": ask.PromptSum(newPrompt(t, "user/: hi\n")), "n_tokens": 11.0}},
		"answers": []any{
			map[string]any{"prompt": 0.0, "seed": -5.0, "max_tokens": 2.0, "tokens": []any{114.0, 110.0}, "finish": "length"},
			map[string]any{"prompt": 0.0, "seed": -4.0, "max_tokens": 2.0, "tokens": []any{114.0, 110.0}, "finish": "length"},
		},
	} {
		require.Equal(t, want, at(t, receipt, key), key)
	}
	require.Equal(t, 0.5, at(t, receipt, "sampling", "temperature"))

	events := s.events(t, chatPath, chatBody(`,"stream":true,"seed":1,"receipt":true`))
	require.Equal(t, []any{114.0, 110.0, 2.0}, at(t, events[len(events)-1], "receipt", "answers", 0, "tokens"))
	for _, e := range events[:len(events)-1] {
		require.NotContains(t, e, "receipt")
	}
	_, got = s.post(t, textPath, `{"model":"fake","prompt":["a","b"],"receipt":true}`)
	require.Len(t, at(t, got, "receipt", "prompts"), 2)
	require.Equal(t, 1.0, at(t, got, "receipt", "answers", 1, "prompt"))
	_, got = s.post(t, chatPath, chatBody(""))
	require.NotContains(t, got, "receipt")
}

// newPrompt is what fakeModel makes of a text.
func newPrompt(t *testing.T, text string) []runtime.Token {
	return byteTokenizer(t).Encode(text, tokenizer.EncodeOptions{AddSpecial: true})
}

func TestChatErrorsAfterTheBeginning(t *testing.T) {
	const ask = `{"model":"fake","messages":[{"role":"user","content":"hi"}],"stream":%v}`
	s, m := newService(t)
	m.fail = fmt.Errorf("drain: %w", serve.ErrStopping)
	status, got := s.post(t, chatPath, fmt.Sprintf(ask, false))
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "stopping", at(t, got, "error", "code"))

	w := s.do(t.Context(), "POST", chatPath, fmt.Sprintf(ask, true))
	require.Equal(t, http.StatusOK, w.Code, "too late for another status")
	require.Regexp(t, `data: {"error":{"message":"the service is stopping","type":"server_error","param":null,"code":"stopping"}}\n\n$`, w.Body.String())

	m.fail = errors.New("a broken thing inside")
	status, got = s.post(t, chatPath, fmt.Sprintf(ask, false))
	require.Equal(t, http.StatusInternalServerError, status)
	require.Equal(t, "internal error", at(t, got, "error", "message"))
	require.Contains(t, s.log.String(), "a broken thing inside")
	require.Zero(t, m.nOpen)
}

func TestChatOfAVanishedClientIsGivenUp(t *testing.T) {
	for i := range 40 { // often, since it is a matter of who hears of it first
		stream, n := i%2 == 0, 1+i%4/2
		synctest.Test(t, func(t *testing.T) {
			s, m := newService(t)
			m.hang = make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				w := s.do(ctx, "POST", chatPath, fmt.Sprintf(`{"model":"fake","messages":[{"role":"user","content":"hi"}],"stream":%v,"n":%d}`, stream, n))
				require.NotContains(t, w.Body.String(), "error", "nobody is there to read it")
			}()
			synctest.Wait()
			require.Equal(t, n, m.nOpen)
			cancel()
			synctest.Wait() // no time passes
			select {
			case <-done:
			default:
				t.Fatal("the handler still waits")
			}
			require.Zero(t, m.nOpen)
			require.Empty(t, s.log.String())
		})
	}
}

// lostClient takes the header of an answer and nothing else.
type lostClient struct{ http.ResponseWriter }

func (lostClient) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestChatOfAClientThatCannotBeWrittenToIsGivenUp(t *testing.T) {
	s, m := newService(t)
	ctx := auth.WithGrant(t.Context(), auth.Default(auth.Peer{}))
	for _, stream := range []bool{false, true} {
		body := strings.NewReader(fmt.Sprintf(`{"model":"fake","messages":[{"role":"user","content":"hi"}],"stream":%v}`, stream))
		s.ServeHTTP(lostClient{httptest.NewRecorder()}, httptest.NewRequestWithContext(ctx, "POST", chatPath, body))
		require.Zero(t, m.nOpen)
		require.Empty(t, s.log.String(), "it is no error of ours")
	}
}

func TestBusyBeforeAnythingIsSent(t *testing.T) {
	for _, test := range []struct {
		err    error
		status int
		code   string
	}{
		{fmt.Errorf("submit: %w", serve.ErrBusy), http.StatusTooManyRequests, "queue_full"},
		{serve.ErrStopping, http.StatusServiceUnavailable, "stopping"},
	} {
		for _, stream := range []bool{false, true} {
			s, m := newService(t)
			m.busy = test.err
			w := s.do(t.Context(), "POST", chatPath, fmt.Sprintf(`{"model":"fake","messages":[{"role":"user","content":"hi"}],"stream":%v}`, stream))
			require.Equal(t, test.status, w.Code)
			require.Equal(t, "1", w.Header().Get("Retry-After"))
			require.Equal(t, test.code, at(t, decode(t, w.Body.Bytes()), "error", "code"))
		}
	}
}
