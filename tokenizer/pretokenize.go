package tokenizer

// A stage cuts the piece [start, end) of the scanner's text into smaller ones
// and appends their ends to dst; the last one is end. Stages take time linear
// in the piece.
type stage func(dst []int32, s *scanner, start, end int) []int32

// A preTokenizer says how a BPE vocabulary wants text cut before merging, and
// the habits that the reference ties to the same name.
type preTokenizer struct {
	names  []string
	stages []stage // each applied to the pieces of the one before

	wholeWords   bool // a piece that is a token is not merged but taken
	addBOS       bool
	addSEP       bool
	keepSpaces   bool // Decode does not tidy spaces
	noBOS        bool // there is no default BOS token
	codePoints   bool // merges work on code points and spaces are U+2581
	wholeNewline bool // a run of newlines that is a token is taken
	forceBOS     bool // add BOS even if the file says no; such files are wrong
	spacePrefix  bool // a line that does not begin with U+2581 gets one
}

// preTokenizers is the table of tokenizer.ggml.pre names. The patterns are
// those of each model's own tokeniser as the reference applies them, written
// beside the scanner that implements them.
var preTokenizers = byName([]preTokenizer{
	{names: []string{"default"},
		stages: []stage{runs(isDefaultPunct), splitGPT2, runsOf(isNumber), asciiDigitTriples}},
	{names: []string{"minicpm5"}, wholeWords: true,
		stages: []stage{digitGroups(3), wordsLlama3.split}},
	{names: []string{"llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano"},
		wholeWords: true, addBOS: true,
		stages: []stage{wordsLlama3.split}},
	{names: []string{"dbrx", "smaug-bpe"},
		stages: []stage{wordsLlama3.split}},
	{names: []string{"glm4", "glm5", "chatglm-bpe"}, noBOS: true,
		stages: []stage{wordsLlama3.split}},
	{names: []string{"jais-2"},
		stages: []stage{wordsJais2.split}},
	{names: []string{"k2-horizon"}, keepSpaces: true,
		stages: []stage{wordsHorizon.split}},
	{names: []string{"deepseek-llm"}, keepSpaces: true,
		stages: []stage{single(isNewline), spacedRuns(isCasedLetter), spacedRuns(isDeepSeekPunct), trailingSpace,
			runs(isDeepSeekCJK), runsOf(isNumber)}},
	{names: []string{"deepseek-coder"}, keepSpaces: true,
		stages: []stage{single(isNewline), spacedRunsOf(isLetter), spacedRunsOf(isPunct), runs(isDeepSeekCJK),
			digitGroups(1)}},
	{names: []string{"deepseek-v3", "hunyuan-dense", "joyai-llm", "hy_v4"}, keepSpaces: true,
		stages: []stage{digitGroups(3), runs(isHanOrKana), splitDeepSeek3}},
	{names: []string{"spark2_5"}, keepSpaces: true,
		stages: []stage{digitGroups(3), runs(isHanOrKana), splitSpark, digitGroups(1)}},
	{names: []string{"youtu"}, keepSpaces: true, wholeWords: true,
		stages: []stage{splitYoutuScripts, wordsYoutu.split}},
	{names: []string{"falcon"},
		stages: []stage{runs(isFalconPunct), splitGPT2, asciiDigitTriples}},
	{names: []string{"starcoder", "refact", "codeshell", "exaone", "minerva-7b", "mellum2"},
		stages: []stage{digitGroups(1), splitGPT2}},
	{names: []string{"command-r", "smollm"}, keepSpaces: true,
		stages: []stage{digitGroups(1), splitGPT2}},
	{names: []string{"gpt-2", "mpt", "phi-2", "jina-es", "jina-de", "gigachat", "jina-v2-es", "jina-v2-de", "a.x-4.0",
		"mellum", "modern-bert", "olmo", "jais", "exaone4"},
		stages: []stage{splitGPT2}},
	{names: []string{"trillion", "granite-docling"}, keepSpaces: true,
		stages: []stage{splitGPT2}},
	{names: []string{"jina-v1-en", "jina-v2-code", "roberta-bpe"}, addSEP: true,
		stages: []stage{splitGPT2}},
	{names: []string{"qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "hunyuan", "bailingmoe", "bailingmoe2",
		"llada-moe", "grok-2", "solar-open"}, keepSpaces: true,
		stages: []stage{wordsQwen2.split}},
	{names: []string{"seed-coder"}, keepSpaces: true,
		stages: []stage{wordsSeedCoder.split}},
	{names: []string{"stablelm2", "megrez"},
		stages: []stage{wordsQwen2.split}},
	{names: []string{"qwen35"}, keepSpaces: true,
		stages: []stage{wordsQwen35.split}},
	{names: []string{"ufakzeka"}, keepSpaces: true,
		stages: []stage{wordsUfakzeka.split}},
	{names: []string{"laguna"}, keepSpaces: true,
		stages: []stage{splitNewlines, wordsQwen2.split}},
	{names: []string{"exaone-moe"},
		stages: []stage{wordsExaoneMoE.split}},
	{names: []string{"poro-chat"}, keepSpaces: true,
		stages: []stage{splitBloom}},
	{names: []string{"bloom", "gpt3-finnish"},
		stages: []stage{splitBloom}},
	{names: []string{"viking"}, keepSpaces: true,
		stages: []stage{splitBloom, digitGroups(1)}},
	{names: []string{"tekken"}, wholeWords: true, addBOS: true, keepSpaces: true,
		stages: []stage{wordsTekken.split}},
	{names: []string{"gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"}, keepSpaces: true,
		stages: []stage{wordsGPT4o.split}},
	{names: []string{"granite-embed-multi-97m"}, keepSpaces: true, wholeWords: true,
		stages: []stage{wordsGranite.split}},
	{names: []string{"tiny_aya", "cohere2moe"}, keepSpaces: true,
		stages: []stage{digitsFromRight, wordsAya.split}},
	{names: []string{"superbpe"}, keepSpaces: true,
		stages: []stage{runsOf(isNumber), splitThousands}},
	{names: []string{"kimi-k2"}, keepSpaces: true,
		stages: []stage{wordsKimi.split}},
	{names: []string{"afmoe"}, keepSpaces: true,
		stages: []stage{digitsFromRight, runs(isAsianScript), splitDeepSeek3}},
	{names: []string{"chameleon"}, addBOS: true, keepSpaces: true,
		stages: []stage{splitSentinels, splitImageTokens, splitIndents, digitGroups(1), single(isChameleonPunct), splitGPT2}},
	{names: []string{"gemma4", "granite-embed-multi-311m"}, codePoints: true, wholeNewline: true, forceBOS: true,
		stages: []stage{splitNewlines}},
	{names: []string{"mmbert"}, codePoints: true, wholeNewline: true, spacePrefix: true,
		stages: []stage{splitNewlines, splitBeforeMarks}},
	{names: []string{"sarvam-moe"}, codePoints: true, keepSpaces: true,
		stages: []stage{splitNewlines}},
})

func byName(list []preTokenizer) map[string]*preTokenizer {
	m := make(map[string]*preTokenizer)
	for i := range list {
		for _, name := range list[i].names {
			m[name] = &list[i]
		}
	}
	return m
}

// cut applies the stages to s.text and returns the ends of the pieces, in one
// of the two buffers.
func (p *preTokenizer) cut(s *scanner, bufs *[2][]int32) []int32 {
	in := append(bufs[0][:0], int32(len(s.text)))
	out := bufs[1][:0]
	for _, stage := range p.stages {
		start := 0
		for _, end := range in {
			out = stage(out, s, start, int(end))
			start = int(end)
		}
		in, out = out, in[:0]
	}
	bufs[0], bufs[1] = in, out
	return in
}
